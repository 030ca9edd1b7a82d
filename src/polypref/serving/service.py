"""Everything that routes work with, and what they have in common."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Optional, TypeVar, Union

import numpy as np
import numpy.typing as npt
from fastapi import Depends, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from polypref.errors import PolyprefError
from polypref.groups.model import Message, Prompt
from polypref.serving.cohorts import Cohorts, CohortSettings, Judged
from polypref.serving.errors import Refused
from polypref.serving.guard import CALLER, Caller
from polypref.serving.hosting import Host
from polypref.serving.metrics import Metrics
from polypref.serving.polling import Polling
from polypref.serving.rewards import Rewards, Sample
from polypref.serving.transcripts import prompt_of

T = TypeVar("T")

COHORT_HEADER = "x-polypref-cohort"
MOST_RESPONSES = 4096  # in one request


@dataclass
class Service:
    """The models that are served, the cohorts of each, and what was counted."""

    host: Host
    metrics: Metrics = field(default_factory=Metrics)
    cohort: CohortSettings | None = None
    references: Mapping[Hashable, Sequence[str]] = field(default_factory=dict)
    polling: Polling | None = None  # people's votes, where they are kept
    ready: bool = True

    def __post_init__(self) -> None:
        self.cohorts = {
            name: None if self.cohort is None else Cohorts(self.cohort, self.references) for name in self.host
        }

    def rewards(self, model: str | None) -> Rewards:
        """What gives the samples of a trainer their rewards."""
        served = self.host.find(model)
        return Rewards(served, self.cohorts[served.name])

    def held(self) -> dict[str, int]:
        """Samples that wait for their cohort, by model."""
        return {name: cohorts.held for name, cohorts in self.cohorts.items() if cohorts is not None}


def service_of(request: Request) -> Service:
    """The service that a request came to."""
    found: Service = request.app.state.service
    return found


def caller_of(request: Request) -> Caller:
    """Who asks."""
    found: Caller = request.scope[CALLER]
    return found


def needs(scope: str) -> Any:
    """What a router depends on so that only tokens with a scope are let in."""

    def check(request: Request) -> None:
        if scope not in caller_of(request).scopes:
            raise Refused(f"the token has not the scope {scope!r}, which this asks for", 403)

    return Depends(check)


def _is_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("expected text, got a lone surrogate") from None
    return text


Text = Annotated[str, AfterValidator(_is_text)]
ServiceNeeded = Annotated[Service, Depends(service_of)]
ModelQuery = Annotated[Optional[str], Query(alias="model", description="The model, where several are served.")]
DomainQuery = Annotated[
    Optional[str], Query(alias="domain", description="The domain whose model judges, of a customised folder.")
]
Id = Annotated[Union[str, int, None], Field(description="The same whenever a sample is sent again.")]


class Turn(BaseModel):
    """One turn of a conversation."""

    model_config = ConfigDict(extra="ignore")

    role: Text = Field(min_length=1, max_length=100)
    content: Text


def prompt_given(given: str | Sequence[Turn]) -> Prompt:
    """A prompt as groups have it."""
    return given if isinstance(given, str) else prompt_of([Message(turn.role, turn.content) for turn in given])


async def answered(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of some work, which is given up when the client leaves."""
    task = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Refused("the client has gone", 499)
        return task.result()
    finally:
        leaving.cancel()
        task.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def rewarded(
    request: Request, response: Response, rewards: Rewards, samples: Sequence[Sample], domain: str | None
) -> list[Judged]:
    """The rewards of samples, with a header that says against how many they were judged."""
    if not samples:
        raise Refused("there are no samples to judge")
    if len(samples) > MOST_RESPONSES:
        raise Refused(f"{len(samples):,} samples in one request, and {MOST_RESPONSES:,} are taken", 413)
    judged = await answered(request, rewards.of(samples, domain))
    numbers([one.reward for one in judged])
    if rewards.cohorts is not None:
        size = rewards.cohorts.settings.size
        response.headers[COHORT_HEADER] = ", ".join(
            f"{one.size}/{size}" + ("" if one.complete else f";incomplete;references={one.references}")
            for one in sorted(set(judged), key=lambda one: one.size)[:8]
        )
    return judged


def numbers(values: npt.ArrayLike) -> Any:
    """Finite numbers as JSON lists; a diverged model is told, and not hidden behind zeros."""
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise PolyprefError("the model says NaN or infinity of this: look for a diverged training")
    return array.tolist()


def activated(value: float) -> float:
    """The logistic function."""
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))
