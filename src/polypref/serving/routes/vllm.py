"""What vLLM's and SGLang's servers of classifiers answer: `/classify`, `/pooling`, `/score`, `/rerank`, embeddings."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Any, Optional, Union

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from polypref.serving.errors import Refused
from polypref.serving.hosting import Served
from polypref.serving.rewards import Sample, plain, whole_text
from polypref.serving.service import (
    DomainQuery,
    Service,
    ServiceNeeded,
    Text,
    Turn,
    activated,
    needs,
    prompt_given,
    rewarded,
)

router = APIRouter(tags=["vLLM and SGLang"], dependencies=[needs("score")])


class TextRequest(BaseModel):
    """Whole conversations as the model's chat template writes them, or one as messages, the last the response."""

    model_config = ConfigDict(extra="ignore")

    model: Optional[str] = None
    input: Union[Text, list[Text], None] = None
    messages: Optional[list[Turn]] = None
    use_activation: Optional[bool] = None
    activation: Optional[bool] = None  # what older versions called it
    softmax: Optional[bool] = None  # and the oldest

    def samples(self, served: Served) -> list[Sample]:
        """What is to be judged."""
        if self.messages is not None:
            if len(self.messages) < 2 or self.messages[-1].role != "assistant":
                raise Refused("expected messages that end with one of the assistant, which is judged")
            return [plain(prompt_given(self.messages[:-1]), self.messages[-1].content)]
        if self.input is None:
            raise Refused("expected input or messages")
        texts = [self.input] if isinstance(self.input, str) else self.input
        return [whole_text(served, text) for text in texts]

    def numbers_of(self, values: Sequence[float], service: Service) -> list[float]:
        """Rewards as they are, or through the logistic function, which stands for a share where nobody asked not to;
        the leads of cohorts are no logits, and stay as they are."""
        asked = next((one for one in (self.use_activation, self.activation, self.softmax) if one is not None), True)
        return [activated(value) for value in values] if asked and service.cohort is None else list(values)


class Usage(BaseModel):
    """Tokens; not counted, for prompts that are shared are read once."""

    prompt_tokens: int = 0
    total_tokens: int = 0
    completion_tokens: int = 0


class ListAnswer(BaseModel):
    """What all these answers have around their data."""

    id: str
    object: str = "list"
    created: int
    model: str
    data: list[dict[str, Any]]
    usage: Usage = Usage()


class ScoreRequest(BaseModel):
    """Pairs of a prompt (`text_1`, once or for each) and a response (`text_2`)."""

    model_config = ConfigDict(extra="ignore")

    model: Optional[str] = None
    text_1: Union[Text, list[Text]]
    text_2: Union[Text, list[Text]]


class RerankRequest(BaseModel):
    """A prompt and its responses."""

    model_config = ConfigDict(extra="ignore")

    model: Optional[str] = None
    query: Text
    documents: list[Text] = Field(min_length=1)
    top_n: int = Field(0, ge=0)


class RerankAnswer(BaseModel):
    """The responses, best first."""

    id: str
    model: str
    usage: Usage = Usage()
    results: list[dict[str, Any]]


def _frame(kind: str, served: Served, data: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": f"{kind}-{secrets.token_hex(16)}",
        "object": "list",
        "created": int(time.time()),
        "model": served.name,
        "data": data,
    }


async def _values(
    request: Request, response: Response, service: Service, asked: TextRequest, domain: str | None
) -> tuple[Served, list[float]]:
    rewards = service.rewards(asked.model)
    judged = await rewarded(request, response, rewards, asked.samples(rewards.served), domain)
    return rewards.served, [one.reward for one in judged]


@router.post("/classify", response_model=ListAnswer)
async def classify(
    request: Request, response: Response, asked: TextRequest, service: ServiceNeeded, domain: DomainQuery = None
) -> dict[str, Any]:
    """One class, whose number is the reward; verl reads `data[-1].probs[-1]`."""
    served, values = await _values(request, response, service, asked, domain)
    data = [
        {"index": at, "label": "LABEL_0", "probs": [value], "num_classes": 1}
        for at, value in enumerate(asked.numbers_of(values, service))
    ]
    return _frame("classify", served, data)


@router.post("/pooling", response_model=ListAnswer)
async def pooling(
    request: Request, response: Response, asked: TextRequest, service: ServiceNeeded, domain: DomainQuery = None
) -> dict[str, Any]:
    """One number for each text, as the pooled output of a reward model."""
    served, values = await _values(request, response, service, asked, domain)
    data = [{"index": at, "object": "pooling", "data": [value]} for at, value in enumerate(values)]
    return _frame("pool", served, data)


@router.post("/v1/embeddings", response_model=ListAnswer)
async def embeddings(
    request: Request, response: Response, asked: TextRequest, service: ServiceNeeded, domain: DomainQuery = None
) -> dict[str, Any]:
    """The reward as an embedding of one number, as SGLang serves reward models."""
    served, values = await _values(request, response, service, asked, domain)
    data = [{"index": at, "object": "embedding", "embedding": [value]} for at, value in enumerate(values)]
    return _frame("embd", served, data)


@router.post("/score", response_model=ListAnswer)
async def score(
    request: Request, response: Response, asked: ScoreRequest, service: ServiceNeeded, domain: DomainQuery = None
) -> dict[str, Any]:
    """One number for each pair of a prompt and a response."""
    responses = [asked.text_2] if isinstance(asked.text_2, str) else asked.text_2
    prompts = [asked.text_1] if isinstance(asked.text_1, str) else asked.text_1
    if len(prompts) == 1:
        prompts = prompts * len(responses)
    if len(prompts) != len(responses):
        raise Refused(f"{len(prompts):,} prompts in text_1 for {len(responses):,} responses in text_2")
    rewards = service.rewards(asked.model)
    judged = await rewarded(request, response, rewards, list(map(plain, prompts, responses)), domain)
    data = [{"index": at, "object": "score", "score": one.reward} for at, one in enumerate(judged)]
    return _frame("score", rewards.served, data)


@router.post("/rerank", response_model=RerankAnswer)
@router.post("/v1/rerank", response_model=RerankAnswer)
@router.post("/v2/rerank", response_model=RerankAnswer)
async def rerank(
    request: Request, response: Response, asked: RerankRequest, service: ServiceNeeded, domain: DomainQuery = None
) -> dict[str, Any]:
    """The responses in order, best first, each with its number and its place in the request."""
    rewards = service.rewards(asked.model)
    samples = [plain(asked.query, text) for text in asked.documents]
    judged = await rewarded(request, response, rewards, samples, domain)
    order = sorted(range(len(judged)), key=lambda at: -judged[at].reward)
    results = [
        {"index": at, "document": {"text": asked.documents[at]}, "relevance_score": judged[at].reward} for at in order
    ]
    return {
        "id": f"rerank-{secrets.token_hex(16)}",
        "model": rewards.served.name,
        "results": results[: asked.top_n or None],
    }
