"""What people are asked and what they say: items, votes, opinions, and those who watch over them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, Optional, Union

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from polypref.groups.json_text import to_json
from polypref.groups.model import Group
from polypref.groups.writing import to_rows
from polypref.serving.ballots import Vote
from polypref.serving.errors import Refused
from polypref.serving.polling import Polling
from polypref.serving.service import Text, Turn, caller_of, needs, prompt_given, service_of
from polypref.serving.transcripts import sound

voters = APIRouter(prefix="/v1", tags=["votes"], dependencies=[needs("vote")])
readers = APIRouter(prefix="/v1", tags=["votes"], dependencies=[needs("read")])
admins = APIRouter(prefix="/v1", tags=["votes"], dependencies=[needs("admin")])

_LARGEST = 2**53


def without_nul(text: str) -> str:
    """Text that any database keeps."""
    if "\0" in text:
        raise ValueError("expected text, got a NUL character")
    return text


def polling_of(request: Request) -> Polling:
    """The votes of the service; refused where it keeps none."""
    found = service_of(request).polling
    if found is None:
        raise Refused("this service keeps no votes: start it with --store", 404)
    return found


Stored = Annotated[Text, AfterValidator(without_nul)]
PollingNeeded = Annotated[Polling, Depends(polling_of)]
Voter = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="Who votes, among those who share a token or an address.")
]


class Item(BaseModel):
    """A prompt and the responses that people judge."""

    model_config = ConfigDict(extra="forbid")

    prompt: Union[Stored, list[Turn]]
    responses: list[Stored] = Field(min_length=2, max_length=64)
    domain: Optional[Stored] = None
    id: Optional[Stored] = None
    scale: list[Union[int, Stored]] = Field(default_factory=list, max_length=64)
    sources: list[Optional[Stored]] = Field(default_factory=list)

    def group(self) -> Group:
        """The item as a group."""
        return Group(
            prompt_given(self.prompt),
            tuple(self.responses),
            domain=self.domain,
            id=self.id,
            sources=tuple(self.sources),
            scale=tuple(self.scale),
        )


class Items(BaseModel):
    """Items to be voted on."""

    model_config = ConfigDict(extra="forbid")

    items: list[Item] = Field(min_length=1, max_length=1000)


class Ballot(BaseModel):
    """A vote: of a comparison `{"i", "j", "p"}`, a ranking `{"order"}`, a rating `{"i", "label"}`, an abstention, or a
    withdrawal."""

    model_config = ConfigDict(extra="forbid")

    item: Stored = Field(max_length=100)
    kind: Stored = Field(max_length=20)
    body: dict[str, Any] = Field(default_factory=dict, max_length=10)
    voter: Voter = "one"
    key: Optional[Stored] = Field(None, max_length=100, description="The same whenever the vote is sent again.")
    replaces: Optional[int] = Field(None, ge=1, le=_LARGEST, description="The vote that this one corrects.")


class Person(BaseModel):
    """Somebody who voted, as `/v1/people` names them."""

    model_config = ConfigDict(extra="forbid")

    who: Stored


def _who(request: Request, voter: str) -> str:
    return f"{caller_of(request).name}/{voter}"


@voters.get("/next")
async def next_item(
    request: Request, polling: PollingNeeded, voter: Annotated[str, Query(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = "one"
) -> dict[str, Any]:
    """The next question for a person."""
    return await asyncio.to_thread(polling.next, _who(request, voter))


@voters.post("/votes")
async def vote(request: Request, ballot: Ballot, polling: PollingNeeded) -> dict[str, Any]:
    """Keep a vote: once this is answered, it is committed."""
    given = Vote(
        ballot.item,
        ballot.kind,
        _bounded(ballot.body),
        _who(request, ballot.voter),
        time.time(),
        "page" if request.headers.get("origin") else "api",
        ballot.key,
        ballot.replaces,
    )
    return await asyncio.to_thread(polling.vote, given)


@voters.get("/items/{item}/events")
async def item_events(request: Request, item: Stored, polling: PollingNeeded) -> StreamingResponse:
    """Server-sent events: what is thought of one item, whenever it moves."""
    await asyncio.to_thread(polling.store.item, item)
    return _stream(request, polling, item)


@readers.get("/opinion/{item}")
async def opinion(item: Stored, polling: PollingNeeded) -> dict[str, Any]:
    """What people think of an item now."""
    return await asyncio.to_thread(polling.opinion, item)


@readers.get("/items")
async def item_list(polling: PollingNeeded) -> list[str]:
    """The ids of all items."""
    return await asyncio.to_thread(polling.store.item_ids)


@readers.get("/events")
async def events(request: Request, polling: PollingNeeded) -> StreamingResponse:
    """Server-sent events: what is thought of any item, whenever it moves."""
    return _stream(request, polling, None)


@admins.post("/items")
async def add_items(asked: Items, polling: PollingNeeded) -> dict[str, list[str]]:
    """Put items in; those that are there stay as they are."""
    groups = [item.group() for item in asked.items]
    return {"ids": await asyncio.to_thread(polling.put, groups)}


@admins.get("/export")
def export(polling: PollingNeeded) -> StreamingResponse:
    """Everything that people say, as groups in JSON lines."""

    def lines() -> Iterator[bytes]:
        for row in to_rows(polling.store.groups()):
            yield to_json(row) + b"\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


@admins.get("/people")
async def people(polling: PollingNeeded) -> list[dict[str, Any]]:
    """Who voted, how often, and when."""
    return await asyncio.to_thread(polling.store.people)


@admins.get("/watch")
async def watch(polling: PollingNeeded) -> dict[str, Any]:
    """Who votes and how, and of which items opinion has changed since when."""
    return await asyncio.to_thread(polling.watched)


@admins.post("/forget")
async def forget(asked: Person, polling: PollingNeeded) -> dict[str, int]:
    """Take all that a person said out of the store."""
    return {"rows": await asyncio.to_thread(polling.forget, asked.who)}


def _stream(request: Request, polling: Polling, item: str | None) -> StreamingResponse:
    async def events() -> AsyncIterator[bytes]:
        yield b": listening\n\n"
        async for event in polling.events(item):
            yield b"data: " + json.dumps(event).encode() + b"\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


def _bounded(body: dict[str, Any]) -> dict[str, Any]:
    """A body of plain values that any database and any reader takes."""
    for name, value in body.items():
        values = value if isinstance(value, list) else [value]
        if len(values) > 64 or not all(isinstance(one, (str, int, float)) for one in values):
            raise Refused(f"{name[:20]!r}: expected a value or a short list of values")
        for one in values:
            if isinstance(one, (int, float)) and not abs(one) <= _LARGEST:
                raise Refused(f"{name[:20]!r}: expected a number up to 2^53")
            if isinstance(one, str):
                sound(one)
    return body
