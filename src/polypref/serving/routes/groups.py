"""Our own questions: what a model says of groups."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal, Optional, Union

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from polypref.errors import PolyprefError
from polypref.groups.model import Group
from polypref.models.answer import StateAnswer
from polypref.serving.batching import Question
from polypref.serving.errors import Refused
from polypref.serving.service import (
    MOST_RESPONSES,
    Service,
    ServiceNeeded,
    Text,
    Turn,
    answered,
    needs,
    numbers,
    prompt_given,
)

router = APIRouter(prefix="/v1", tags=["groups"], dependencies=[needs("score")])


class Asked(BaseModel):
    """A prompt, in plain text or as messages, and its responses."""

    model_config = ConfigDict(extra="forbid")

    prompt: Union[Text, list[Turn]]
    responses: list[Text] = Field(min_length=1, max_length=MOST_RESPONSES)

    def group(self, domain: str | None) -> Group:
        """The group that a model reads."""
        return Group(prompt_given(self.prompt), tuple(self.responses), domain=domain)


class Questions(BaseModel):
    """Groups, and the model and domain that are asked about them."""

    model_config = ConfigDict(extra="forbid")

    model: Optional[str] = Field(None, description="Which model, where several are served.")
    domain: Optional[str] = Field(None, description="The domain whose model answers, of a customised folder.")
    groups: list[Asked] = Field(min_length=1, max_length=1024)


class RankQuestions(Questions):
    """Groups that are to be ranked."""

    rule: Literal["borda", "copeland", "kemeny", "lottery", "utility"] = "borda"


class Scores(BaseModel):
    """One number for each response of a group, higher is better: `[K]`."""

    utilities: list[float]
    cut: int = Field(description="Tokens that were left out, for the model reads no longer inputs.")


class Preferences(BaseModel):
    """P[i, j] = P(i ≻ j) and its log-odds: `[K, K]`."""

    preferences: list[list[float]]
    log_odds: list[list[float]]
    cut: int


class Order(BaseModel):
    """Indices of the responses, best first, and the number that the rule gives each response."""

    rule: str
    order: list[int]
    scores: list[Optional[float]]
    cut: int


class Opinions(BaseModel):
    """The crowd's opinion of each response over the labels: `[K, d]`."""

    labels: list[float]
    distributions: list[list[float]]
    cut: int


class ScoreAnswer(BaseModel):
    """What `/v1/score` says."""

    model: str
    results: list[Scores]


class PreferenceAnswer(BaseModel):
    """What `/v1/preferences` says."""

    model: str
    results: list[Preferences]


class RankAnswer(BaseModel):
    """What `/v1/rank` says."""

    model: str
    results: list[Order]


class OpinionAnswer(BaseModel):
    """What `/v1/distributions` says."""

    model: str
    results: list[Opinions]


class ModelInfo(BaseModel):
    """A model that is served."""

    name: str
    head: str
    says: list[str]
    domains: list[str]
    max_length: int


async def _results(
    request: Request, service: Service, asked: Questions, read: Callable[[StateAnswer], dict[str, Any]]
) -> dict[str, Any]:
    """What is read off the answers about all groups, which are asked at once."""
    served = service.host.find(asked.model)
    served.check_domain(asked.domain)
    if sum(len(one.responses) for one in asked.groups) > MOST_RESPONSES:
        raise Refused(f"more than {MOST_RESPONSES:,} responses in one request", 413)
    groups = [one.group(asked.domain) for one in asked.groups]

    async def all_answers() -> list[StateAnswer]:
        return list(await asyncio.gather(*(served.ask(Question(group), asked.domain) for group in groups)))

    answers = await answered(request, all_answers())
    results = await asyncio.to_thread(lambda: [{**read(answer), "cut": answer.cut} for answer in answers])
    return {"model": served.name, "results": results}


@router.get("/models", response_model=list[ModelInfo])
async def models(service: ServiceNeeded) -> list[dict[str, Any]]:
    """The models that are served."""
    return [
        {
            "name": name,
            "head": one.model.head.name,
            "says": list(one.model.head.says),
            "domains": one.domains,
            "max_length": one.model.inputs.max_length,
        }
        for name, one in service.host.items()
    ]


@router.post("/score", response_model=ScoreAnswer)
async def score(request: Request, asked: Questions, service: ServiceNeeded) -> dict[str, Any]:
    """One number for each response, higher is better."""
    return await _results(request, service, asked, lambda answer: {"utilities": numbers(answer.utilities)})


@router.post("/preferences", response_model=PreferenceAnswer)
async def preferences(request: Request, asked: Questions, service: ServiceNeeded) -> dict[str, Any]:
    """How probably each response is preferred to each other."""
    return await _results(
        request,
        service,
        asked,
        lambda answer: {"preferences": numbers(answer.preferences), "log_odds": numbers(answer.log_odds)},
    )


@router.post("/rank", response_model=RankAnswer)
async def rank(request: Request, asked: RankQuestions, service: ServiceNeeded) -> dict[str, Any]:
    """The responses in order, best first."""

    def read(answer: StateAnswer) -> dict[str, Any]:
        numbers(answer.log_odds)
        ranking = answer.ranking(asked.rule)
        return {"rule": ranking.rule, "order": ranking.order, "scores": ranking.scores}

    return await _results(request, service, asked, read)


@router.post("/distributions", response_model=OpinionAnswer)
async def distributions(request: Request, asked: Questions, service: ServiceNeeded) -> dict[str, Any]:
    """What a crowd would say of each response; for models that predict one."""

    def read(answer: StateAnswer) -> dict[str, Any]:
        if answer.labels is None:
            raise PolyprefError(f"a {answer.head.name} head predicts no distributions: ask for scores or preferences")
        return {"labels": list(answer.labels), "distributions": numbers(answer.opinions())}

    return await _results(request, service, asked, read)
