"""NeMo-Gym's resources server for comparisons: `/verify` for one rollout, `/compare` for all of a prompt."""

from __future__ import annotations

from typing import Any, Optional, Union

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from polypref.groups.model import Group, Message, Prompt
from polypref.serving.batching import Question
from polypref.serving.cohorts import CohortSettings
from polypref.serving.errors import Refused
from polypref.serving.rewards import Sample
from polypref.serving.service import (
    DomainQuery,
    ModelQuery,
    ServiceNeeded,
    Text,
    answered,
    needs,
    numbers,
    rewarded,
)
from polypref.serving.transcripts import prompt_of, sound, text_of, without_end

router = APIRouter(tags=["trainers"], dependencies=[needs("score")])


class Parameters(BaseModel):
    """What the policy was asked."""

    model_config = ConfigDict(extra="allow")

    input: Union[Text, list[dict[str, Any]]]


class Output(BaseModel):
    """What the policy said: an object of the Responses API."""

    model_config = ConfigDict(extra="allow")

    output: list[dict[str, Any]]


class VerifyRequest(BaseModel):
    """One rollout, and its place in its group where the trainer says it."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)

    responses_create_params: Parameters
    response: Output
    group: Optional[Text] = Field(None, alias="_ng_group_id")
    attempt: Optional[int] = Field(None, alias="_ng_group_attempt")
    task: Optional[int] = Field(None, alias="_ng_task_index")
    rollout: Optional[int] = Field(None, alias="_ng_rollout_index")


class CompareRequest(BaseModel):
    """All responses to one conversation."""

    model_config = ConfigDict(extra="ignore")

    conversation_history: list[dict[str, Any]] = Field(min_length=1)
    response_objs: list[Output] = Field(min_length=1, max_length=256)
    principle: Optional[str] = None


class CompareAnswer(BaseModel):
    """One reward for each response, in the order they came."""

    rewards: list[float]
    comparison_results: Optional[list[dict[str, Any]]] = None
    metrics: Optional[dict[str, float]] = None


@router.post("/seed_session")
async def seed_session(body: dict[str, Any]) -> dict[str, Any]:
    """Nothing has to be begun for a rollout."""
    return {}


@router.post("/verify")
async def verify(
    request: Request,
    response: Response,
    asked: VerifyRequest,
    service: ServiceNeeded,
    model: ModelQuery = None,
    domain: DomainQuery = None,
) -> dict[str, Any]:
    """The request with its reward."""
    given = asked.responses_create_params.input
    turns = _turns([{"role": "user", "content": given}] if isinstance(given, str) else given)
    group = asked.group if asked.group is not None else asked.task
    sample = Sample(
        turns,
        without_end(_said(asked.response.output)),
        id=asked.rollout,
        cohort=None if group is None else f"{group}:{asked.attempt or 0}",
    )
    [judged] = await rewarded(request, response, service.rewards(model), [sample], domain)
    told = asked.model_dump(mode="json", by_alias=True, exclude_unset=True)
    failure = None if judged.complete or service.cohort is None else "cohort_timeout"
    return {**told, "reward": judged.reward, "failure_reason": failure}


@router.post("/compare", response_model=CompareAnswer)
async def compare(
    request: Request,
    asked: CompareRequest,
    service: ServiceNeeded,
    model: ModelQuery = None,
    domain: DomainQuery = None,
) -> dict[str, Any]:
    """How far each response is ahead of the others of its group."""
    texts = [without_end(_said(one.output)) for one in asked.response_objs]
    empty = next((at for at, text in enumerate(texts) if not text.strip()), None)
    if empty is not None:
        raise Refused(f"response {empty} is empty: it says nothing that could be judged")
    if len(texts) < 2:
        raise Refused("there is one response, and nothing to compare it with")
    served = service.host.find(model)
    question = Question(Group(_turns(asked.conversation_history), tuple(texts)))
    answer = await answered(request, served.ask(question, domain))
    rewards = numbers((service.cohort or CohortSettings(size=2)).rewards(answer))
    p = numbers(answer.preferences)
    pairs = [
        {"response_i": i, "response_j": j, "probability": p[i][j]}
        for i in range(len(texts))
        for j in range(i + 1, len(texts))
    ]
    return {"rewards": rewards, "comparison_results": pairs, "metrics": None}


def _turns(items: list[dict[str, Any]]) -> Prompt:
    """The messages of a conversation; calls of tools and what they returned are left out."""
    turns = [
        Message(str(item.get("role") or "user"), sound(text_of(item.get("content"))))
        for item in items
        if item.get("type", "message") == "message"
    ]
    if not turns:
        raise Refused("the conversation has no messages")
    return prompt_of(turns)


def _said(items: list[dict[str, Any]]) -> str:
    """The text of the last message of a response."""
    messages = [item for item in items if item.get("type", "message") == "message"]
    return sound(text_of(messages[-1].get("content"))) if messages else ""
