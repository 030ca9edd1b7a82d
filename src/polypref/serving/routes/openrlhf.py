"""OpenRLHF's remote reward (`--remote_rm_url`): whole texts with their prompts, one or several in a request."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from polypref.serving.errors import Refused
from polypref.serving.hosting import Served
from polypref.serving.rewards import Sample, said_after
from polypref.serving.service import DomainQuery, ModelQuery, ServiceNeeded, Text, needs, rewarded

router = APIRouter(tags=["trainers"], dependencies=[needs("score")])


class RewardRequest(BaseModel):
    """`query` is each prompt with what the policy said after it, as its chat template wrote them."""

    model_config = ConfigDict(extra="ignore")

    query: list[Text] = Field(min_length=1)
    prompts: list[Text]
    labels: list[Any] = Field(default_factory=list)


class RewardAnswer(BaseModel):
    """One reward for each query; `scores` are the same, and `extra_logs` say against how many each was judged."""

    rewards: list[float]
    scores: list[float]
    extra_logs: dict[str, list[float]]


@router.post("/openrlhf", response_model=RewardAnswer)
@router.post("/get_reward", response_model=RewardAnswer)
async def get_reward(
    request: Request,
    response: Response,
    asked: RewardRequest,
    service: ServiceNeeded,
    model: ModelQuery = None,
    domain: DomainQuery = None,
) -> dict[str, Any]:
    """The rewards of whole texts."""
    if len(asked.prompts) != len(asked.query):
        raise Refused(f"{len(asked.prompts):,} prompts for {len(asked.query):,} queries")
    rewards = service.rewards(model)
    samples = [_sample(rewards.served, at, *pair) for at, pair in enumerate(zip(asked.prompts, asked.query))]
    judged = await rewarded(request, response, rewards, samples, domain)
    values = [one.reward for one in judged]
    logs = {"group_size": [float(one.size) for one in judged], "complete": [float(one.complete) for one in judged]}
    return {"rewards": values, "scores": values, "extra_logs": logs}


def _sample(served: Served, at: int, prompt: str, query: str) -> Sample:
    if not prompt:
        raise Refused(f"prompt {at} is empty, so that the response cannot be told from it")
    before, found, after = query.partition(prompt)  # a tokenizer may have put its first token before it
    if not found or (before and before != served.model.inputs.tokenizer.bos_token):
        raise Refused(f"query {at} does not begin with its prompt, so that the response cannot be told from it")
    return said_after(served, prompt, after)
