"""The store, the opinions and those who listen to them, as one thing that routes ask."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable
from itertools import combinations
from typing import Any

from polypref.choice import condorcet_winner
from polypref.groups.model import Group
from polypref.serving.ballots import Vote
from polypref.serving.choosing import Candidate, Chooser, most_uncertain
from polypref.serving.opinion import Opinions
from polypref.serving.store import Store
from polypref.serving.watching import habits

MOST_CANDIDATES = 500  # items that are looked through for the next question
_MOST_EVENTS = 256  # that a slow listener may be behind; then it loses the oldest


class Polling:
    """What people are asked, what they say, and what comes of it. Its methods block: call them in a thread."""

    def __init__(self, store: Store, opinions: Opinions | None = None, choose: Chooser = most_uncertain) -> None:
        self.store = store
        self.opinions = opinions or Opinions(store)
        self._choose = choose
        self._listening: dict[asyncio.Queue[dict[str, Any]], asyncio.AbstractEventLoop] = {}
        self._voting = threading.Lock()  # opinions are moved in the order of the store

    def next(self, who: str) -> dict[str, Any]:
        """The next question for a person, and how far they are."""
        ids = self.store.item_ids()[:MOST_CANDIDATES]
        done = self._done(who)
        candidates = [self._candidate(id) for id in ids]
        choice = self._choose(candidates, done)
        sizes = [len(one.preferences) for one in candidates]
        pairs = sum(size * (size - 1) // 2 for size in sizes)
        progress = {"done": len(done), "pairs": pairs, "items": len(ids)}
        if choice is None:
            return {"item": None, "progress": progress}
        group = self.store.item(choice.item)
        return {**shown(choice.item, group), "i": choice.i, "j": choice.j, "progress": progress}

    def vote(self, vote: Vote) -> dict[str, Any]:
        """Keep a vote, and tell what is thought after it; those who listen hear of it."""
        with self._voting:
            stored, new = self.store.vote(vote)
            opinion = self.opinions.moved_by(stored)
        if new:
            self._tell({"item": vote.item, "vote": stored.id, "opinion": opinion})
        return {"id": stored.id, "new": new, "opinion": opinion}

    def opinion(self, item: str) -> dict[str, Any]:
        """What people think of an item, and whether they agree on a best response."""
        group = self.store.item(item)
        matrix = self.opinions.matrix(item)
        winner = condorcet_winner(matrix)
        best = None if winner is None else int(winner)
        return {**shown(item, group), "opinion": self.opinions.of(item), "best": best}

    def watched(self) -> dict[str, Any]:
        """Who votes and how, and of which items opinion has changed since when."""
        found = habits(self.store.groups())
        people = [{**one, **vars(found[one["who"]])} if one["who"] in found else one for one in self.store.people()]
        changed = []
        for item in self.store.item_ids():
            since = self.opinions.of(item)["changed_since"]
            if since is not None:
                changed.append({"item": item, "prompt": self.store.item(item).prompt_text, "since": since})
        return {"people": people, "changed": changed}

    def put(self, groups: Iterable[Group]) -> list[str]:
        """New items."""
        return self.store.add(groups)

    def forget(self, who: str) -> int:
        """Forget a person, and what their votes did."""
        rows = self.store.forget(who)
        self.opinions.begin_anew()
        return rows

    async def events(self, item: str | None = None) -> AsyncIterator[dict[str, Any]]:
        """Each vote from now on, on one item or on all, and what is thought after it."""
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(_MOST_EVENTS)
        self._listening[queue] = asyncio.get_running_loop()
        try:
            while True:
                event = await queue.get()
                if item is None or event["item"] == item:
                    yield event
        finally:
            del self._listening[queue]

    def _tell(self, event: dict[str, Any]) -> None:
        for queue, loop in list(self._listening.items()):
            loop.call_soon_threadsafe(_push, queue, event)

    def _candidate(self, item: str) -> Candidate:
        preferences, weight = self.opinions.certainty(item)
        return Candidate(item, preferences, weight)

    def _done(self, who: str) -> set[tuple[str, int, int]]:
        done: set[tuple[str, int, int]] = set()
        for vote in self.store.votes_of(who):
            done.update((vote.item, min(pair), max(pair)) for pair in self._pairs(vote))
        return done

    def _pairs(self, vote: Vote) -> Iterable[tuple[int, int]]:
        """The pairs that a vote settles for the person: its own, or of a ranking or an abstention from all, many."""
        i, j = vote.body.get("i"), vote.body.get("j")
        if isinstance(i, int) and isinstance(j, int):
            return [(i, j)]
        if vote.kind == "abstention":
            return combinations(range(len(self.opinions.matrix(vote.item))), 2)
        return combinations(vote.body.get("order", ()), 2)


def shown(item: str, group: Group) -> dict[str, Any]:
    """What a voter sees of an item: not who wrote the responses."""
    return {
        "item": item,
        "prompt": group.prompt_text,
        "responses": list(group.responses),
        "scale": list(group.scale),
        "domain": group.domain,
    }


def _push(queue: asyncio.Queue[dict[str, Any]], event: dict[str, Any]) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(event)
