"""slime's remote reward (`--rm-type remote_rm --rm-url`): one sample a request, a number or an object back."""

from __future__ import annotations

from typing import Any, Union

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from polypref.serving.cohorts import Judged
from polypref.serving.rewards import Sample, plain, said_after
from polypref.serving.service import (
    DomainQuery,
    ModelQuery,
    Service,
    ServiceNeeded,
    Text,
    Turn,
    needs,
    prompt_given,
    rewarded,
)

router = APIRouter(tags=["trainers"], dependencies=[needs("score")])


class SampleRequest(BaseModel):
    """A sample; the label is not read."""

    model_config = ConfigDict(extra="ignore")

    prompt: Union[Text, list[Turn]]
    response: Text
    label: Any = None


class RewardObject(BaseModel):
    """For `--reward-key score`."""

    score: float
    group_size: int
    complete: bool


async def _judged(
    request: Request, response: Response, asked: SampleRequest, service: Service, model: str | None, domain: str | None
) -> Judged:
    rewards = service.rewards(model)
    sample: Sample
    if isinstance(asked.prompt, str):
        sample = said_after(rewards.served, asked.prompt, asked.response)
    else:
        sample = plain(prompt_given(asked.prompt), asked.response)
    [judged] = await rewarded(request, response, rewards, [sample], domain)
    return judged


@router.post("/slime", response_model=float)
async def slime(
    request: Request,
    response: Response,
    asked: SampleRequest,
    service: ServiceNeeded,
    model: ModelQuery = None,
    domain: DomainQuery = None,
) -> float:
    """The reward of a sample: a bare number."""
    return (await _judged(request, response, asked, service, model, domain)).reward


@router.post("/slime/object", response_model=RewardObject)
async def slime_object(
    request: Request,
    response: Response,
    asked: SampleRequest,
    service: ServiceNeeded,
    model: ModelQuery = None,
    domain: DomainQuery = None,
) -> dict[str, Any]:
    """The reward of a sample, and against how many it was judged."""
    judged = await _judged(request, response, asked, service, model, domain)
    return {"score": judged.reward, "group_size": judged.size, "complete": judged.complete}
