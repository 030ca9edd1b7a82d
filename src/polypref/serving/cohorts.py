"""Group rewards for trainers that send samples one by one: samples of a prompt are held until their group is there."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from polypref.alignment.guidance import Floats, advantages, leads
from polypref.errors import PolyprefError
from polypref.models.answer import StateAnswer
from polypref.serving.errors import Busy, Refused

Judge = Callable[[Sequence[str]], Awaitable[StateAnswer]]

MOST_HELD = 65_536  # samples
REMEMBERED = 4096  # judged cohorts whose rewards are kept for clients that ask again
_FOR = 900.0  # seconds they are kept: longer than clients try


@dataclass(frozen=True)
class CohortSettings:
    """How samples are gathered, and what they get."""

    size: int  # K
    timeout: float = 60.0  # seconds from the first sample to when those that came are judged
    reward: str = "log-odds"
    scale: str = "none"  # mean leads; "group": advantages
    share: float = 0.25

    def __post_init__(self) -> None:
        if self.size < 2:
            raise PolyprefError(f"a cohort of {self.size}; a group reward compares at least 2 samples")
        if not self.timeout > 0:
            raise PolyprefError(f"a timeout of {self.timeout} seconds; expected more than 0")
        if self.scale not in ("group", "none"):
            raise PolyprefError(f"unknown scale {self.scale!r}; known are group, none")

    def rewards(self, answer: StateAnswer) -> Floats:
        """One number for each response of a group, `[K]`: as `GroupReward` works them out."""
        ahead = leads(answer, self.reward, self.share)
        return advantages(ahead) if self.scale == "group" else ahead.mean(axis=1)


@dataclass(frozen=True)
class Judged:
    """What a sample got, and against whom."""

    reward: float
    size: int  # samples that were judged together
    complete: bool = True  # whether these were all K
    references: int = 0  # stored responses that stood in for the missing ones


@dataclass(eq=False)
class _Seat:
    text: str
    id: Hashable | None
    waiting: list[asyncio.Future[Judged]] = field(default_factory=list)
    result: Judged | None = None
    delivered: bool = False  # whether anybody was there to hear the result


@dataclass(eq=False)
class _Cohort:
    key: Hashable
    judge: Judge
    references: tuple[str, ...]
    seats: list[_Seat] = field(default_factory=list)
    by_id: dict[Hashable, _Seat] = field(default_factory=dict)
    timer: asyncio.TimerHandle | None = None
    closed_at: float = 0.0


class Cohorts:
    """The cohorts that are being gathered, and those that were judged not long ago.

    A sample with an id (the trainer's index of it, or an idempotency key) has one seat, however often it is sent. One
    without takes the seat of the same text whose client has left, for that is a client that tries again; where the
    other client still waits, the policy said the same twice, and it gets a seat of its own. What was judged is kept for
    clients that ask again. All of it runs on one event loop.
    """

    def __init__(
        self,
        settings: CohortSettings,
        references: Mapping[Hashable, Sequence[str]] | None = None,
        *,
        most_held: int = MOST_HELD,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self._references = references or {}
        self._most_held, self._clock = most_held, clock
        self._open: dict[Hashable, _Cohort] = {}
        self._closed: OrderedDict[Hashable, _Cohort] = OrderedDict()  # the last of each key
        self._tasks: set[asyncio.Task[None]] = set()
        self.held = 0  # samples in open cohorts

    async def reward(
        self, key: Hashable, text: str, judge: Judge, *, id: Hashable | None = None, prompt: Hashable | None = None
    ) -> Judged:
        """What a sample of the cohort `key` gets, once it was judged; `prompt` finds the stored references."""
        seat, cohort = self._kept(key, text, id), None
        if seat is None:
            cohort = self._open.get(key)
            if cohort is None:
                cohort = self._begun(key, judge, tuple(self._references.get(key if prompt is None else prompt, ())))
            seat = self._seat(cohort, text, id)
        elif not text.strip():
            raise _empty()
        elif seat.result is not None:
            seat.delivered = True
            return seat.result
        heard: asyncio.Future[Judged] = asyncio.get_running_loop().create_future()
        seat.waiting.append(heard)
        if cohort is not None and len(cohort.seats) == self.settings.size:
            self._close(cohort)
        try:
            judged = await heard
        finally:
            if heard in seat.waiting:
                seat.waiting.remove(heard)
        seat.delivered = True
        return judged

    def _begun(self, key: Hashable, judge: Judge, references: tuple[str, ...]) -> _Cohort:
        cohort = self._open[key] = _Cohort(key, judge, references)
        loop = asyncio.get_running_loop()
        cohort.timer = loop.call_later(self.settings.timeout, self._close, cohort)
        return cohort

    def _seat(self, cohort: _Cohort, text: str, id: Hashable | None) -> _Seat:
        if id is not None:
            seat = cohort.by_id.get(id)
            if seat is not None and seat.text != text:
                raise Refused("a sample with this id and another text is waiting already", 409)
        else:
            seat = next((one for one in cohort.seats if one.id is None and one.text == text and not one.waiting), None)
        if seat is None:
            if self.held >= self._most_held:
                raise Busy(f"{self.held:,} samples wait for the others of their group: come again", retry_after=5)
            seat = _Seat(text, id)
            cohort.seats.append(seat)
            self.held += 1
            if id is not None:
                cohort.by_id[id] = seat
        return seat

    def _kept(self, key: Hashable, text: str, id: Hashable | None) -> _Seat | None:
        """The seat of a sample that is sent again, in a cohort that is being judged or was not long ago."""
        cohort = self._closed.get(key)
        if cohort is None or self._clock() - cohort.closed_at > _FOR:
            return None
        if id is not None:
            seat = cohort.by_id.get(id)
            return seat if seat is not None and seat.text == text else None
        lost = (one for one in cohort.seats if one.id is None and not one.delivered and not one.waiting)
        return next((seat for seat in lost if seat.text == text), None)

    def _close(self, cohort: _Cohort) -> None:
        """Take no more samples, and judge those that came."""
        if cohort.timer is not None:
            cohort.timer.cancel()
        if self._open.get(cohort.key) is cohort:
            del self._open[cohort.key]
        self.held -= len(cohort.seats)
        cohort.closed_at = self._clock()
        self._closed[cohort.key] = cohort
        self._closed.move_to_end(cohort.key)
        while len(self._closed) > REMEMBERED:
            self._closed.popitem(last=False)
        task = asyncio.get_running_loop().create_task(self._judge(cohort))
        self._tasks.add(task)  # the loop itself holds no task
        task.add_done_callback(self._tasks.discard)

    async def _judge(self, cohort: _Cohort) -> None:
        try:
            results = await self._results(cohort)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if self._closed.get(cohort.key) is cohort:
                del self._closed[cohort.key]  # who tries again begins anew
            for seat in cohort.seats:
                for heard in seat.waiting:
                    if not heard.done():
                        heard.set_exception(error)
            return
        for seat in cohort.seats:
            seat.result = results.get(seat)
            for heard in seat.waiting:
                if heard.done():
                    continue
                if seat.result is None:
                    heard.set_exception(_empty())
                else:
                    heard.set_result(seat.result)

    async def _results(self, cohort: _Cohort) -> dict[_Seat, Judged]:
        """What each sample gets; one that is empty has its seat, so that others do not wait for it, and gets none."""
        came = len(cohort.seats)
        complete = came == self.settings.size
        references = () if complete else cohort.references
        said = [seat for seat in cohort.seats if seat.text.strip()]
        texts = [seat.text for seat in said] + list(references)
        if len(texts) < 2:
            raise Refused(
                f"of {self.settings.size} samples of the prompt {len(said)} came within {self.settings.timeout:g} "
                "seconds and say something, and no reference group of it is stored: there is nothing to compare with",
                504,
            )
        rewards = self.settings.rewards(await cohort.judge(texts))
        if not np.isfinite(rewards).all():
            raise PolyprefError("the model says NaN or infinity of these samples: look for a diverged training")
        return {seat: Judged(float(reward), came, complete, len(references)) for seat, reward in zip(said, rewards)}


def _empty() -> Refused:
    return Refused("the sample is empty: it says nothing that could be judged")
