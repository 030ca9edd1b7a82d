"""One queue for the requests of all clients: encoded by token budget, prompts shared, no response read twice."""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from polypref.errors import PolyprefError
from polypref.groups.model import Group
from polypref.models.answer import StateAnswer
from polypref.models.encoder import DEFAULT_BUDGET
from polypref.models.inputs import Input
from polypref.serving.errors import Busy, Refused

if TYPE_CHECKING:
    from polypref.models.preference_model import PreferenceModel

MOST_WAITING = 8192  # responses in the queue; a client beyond them is told to come again
CACHED_ROWS = 100_000  # states kept; of 8 numbers each, some ten megabytes
_TOKENS_AT_ONCE = 4 * DEFAULT_BUDGET  # taken from the queue at a time: more would let the first wait for the last
_KEY = 16  # bytes


@dataclass(frozen=True)
class Question:
    """A group that a model is asked about; `rendered` says that the model's own chat template wrote its texts."""

    group: Group
    rendered: bool = False


@dataclass
class Counts:
    """What a queue has done since it was made."""

    asked: int = 0  # responses
    encoded: int = 0  # of them, those that were computed
    tokens: int = 0  # of these
    batches: int = 0
    cancelled: int = 0  # questions
    refused: int = 0  # questions that found the queue full
    seconds: float = 0.0  # spent computing


@dataclass(eq=False)
class _Job:
    question: Question
    domain: str | None
    answer: Future[StateAnswer] = field(default_factory=Future)

    @property
    def size(self) -> int:
        return len(self.question.group)


@dataclass(frozen=True, eq=False)
class _Read:
    """A job whose texts are tokens."""

    job: _Job
    model: PreferenceModel
    inputs: list[Input]
    keys: list[bytes]


class Batcher:
    """One model (with its domains, if it has any) and the one thread that computes with it.

    `model_for(domain, group)` gives the model that reads a group; it is called by that thread alone, so that models
    which share weights are never used by two threads at once.
    """

    def __init__(
        self,
        model_for: Callable[[str | None, Group], PreferenceModel],
        *,
        budget: int = DEFAULT_BUDGET,
        most_waiting: int = MOST_WAITING,
        cached_rows: int = CACHED_ROWS,
        name: str = "model",
    ) -> None:
        self.counts = Counts()
        self._model_for = model_for
        self._budget, self._most_waiting, self._cached_rows = budget, most_waiting, cached_rows
        self._jobs: deque[_Job] = deque()
        self._waiting = 0  # responses in the queue
        self._rows: OrderedDict[bytes, Tensor] = OrderedDict()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name=f"polypref-{name}", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Responses in the queue."""
        return self._waiting

    def submit(self, question: Question, domain: str | None = None) -> Future[StateAnswer]:
        """What the model says of a group, when its turn has come; `Busy` where the queue is full."""
        job = _Job(question, domain)
        with self._changed:
            if self._closed:
                raise Busy("the service is closing", retry_after=5)
            if job.size > self._most_waiting:
                raise Refused(f"{job.size:,} responses in one request, and {self._most_waiting:,} are taken", 413)
            if self._waiting + job.size > self._most_waiting:
                self.counts.refused += 1
                raise Busy(
                    f"{self._waiting:,} responses are waiting to be read: come again", retry_after=self._patience()
                )
            self._jobs.append(job)
            self._waiting += job.size
            self._changed.notify()
        return job.answer

    def replace(self, model_for: Callable[[str | None, Group], PreferenceModel]) -> None:
        """Read what waits, and what comes, with other models; what is being read is read to its end with the old."""
        with self._changed:
            self._model_for = model_for
            self._rows = OrderedDict()

    def close(self) -> None:
        """Take nothing more, answer what waits, and end."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _patience(self) -> int:
        """Seconds until what waits is read, at the pace so far."""
        pace = self.counts.encoded / self.counts.seconds if self.counts.seconds else math.inf
        return max(1, min(60, math.ceil(self._waiting / pace)))

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._jobs or self._closed)
                if not self._jobs:
                    return
                model_for, rows = self._model_for, self._rows
            self._answer(self._taken(model_for), rows)

    def _taken(self, model_for: Callable[[str | None, Group], PreferenceModel]) -> list[_Read]:
        """Jobs from the queue, in the order they came, until they hold enough tokens."""
        taken: list[_Read] = []
        tokens = 0
        while tokens < _TOKENS_AT_ONCE:
            with self._changed:
                if not self._jobs:
                    break
                job = self._jobs.popleft()
                self._waiting -= job.size
            if not job.answer.set_running_or_notify_cancel():
                self.counts.cancelled += 1
                continue
            try:
                read = _read(job, model_for(job.domain, job.question.group))
            except Exception as error:  # whatever it is, it is this client's answer and nobody else's
                job.answer.set_exception(_told(error))
                continue
            taken.append(read)
            tokens += sum(map(len, read.inputs))
        return taken

    def _answer(self, taken: Sequence[_Read], rows: OrderedDict[bytes, Tensor]) -> None:
        by_model: dict[int, list[_Read]] = {}
        for read in taken:
            by_model.setdefault(id(read.model), []).append(read)
        for together in by_model.values():
            try:
                found = self._states(together, rows)
            except Exception as error:
                for read in together:
                    read.job.answer.set_exception(_told(error))
                continue
            for read in together:
                read.job.answer.set_result(_answer_of(read, found))
        while len(rows) > self._cached_rows:
            rows.popitem(last=False)

    def _states(self, together: Sequence[_Read], rows: OrderedDict[bytes, Tensor]) -> dict[bytes, Tensor]:
        """The state of every input, by its key: kept ones, and what has to be computed, once each."""
        found: dict[bytes, Tensor] = {}
        missing: dict[bytes, Input] = {}
        for read in together:
            self.counts.asked += read.job.size
            for key, item in zip(read.keys, read.inputs):
                if key in rows:
                    rows.move_to_end(key)
                    found[key] = rows[key]
                else:
                    missing.setdefault(key, item)
        started = time.perf_counter()
        computed = self._computed(together[0].model, missing)
        self.counts.seconds += time.perf_counter() - started
        self.counts.batches += bool(missing)
        self.counts.encoded += len(missing)
        self.counts.tokens += sum(map(len, missing.values()))
        rows.update(computed)
        return found | computed

    def _computed(self, model: PreferenceModel, missing: dict[bytes, Input]) -> dict[bytes, Tensor]:
        if not missing:
            return {}
        by_prompt: dict[bytes, dict[bytes, Input]] = {}
        for key, item in missing.items():
            by_prompt.setdefault(item.tokens[: item.boundary].tobytes(), {})[key] = item
        model.encoder.eval()
        states = model.encoder.states([list(part.values()) for part in by_prompt.values()], self._budget)
        return {
            key: row.clone()  # a row alone, not the whole batch that it is a view of
            for part, block in zip(by_prompt.values(), states)
            for key, row in zip(part, block.cpu().unbind())
        }


def _read(job: _Job, model: PreferenceModel) -> _Read:
    inputs = _inputs(job.question, model)
    tag = f"{model.domain}".encode()
    return _Read(job, model, inputs, [_key(tag, item) for item in inputs])


def _inputs(question: Question, model: PreferenceModel) -> list[Input]:
    group = question.group
    if not question.rendered:
        return model.tokenize(group)
    if model.head.joint:
        raise PolyprefError(f"a {model.head.name} head reads two responses together, and no conversation by itself")
    assert isinstance(group.prompt, str)
    return [model.inputs.rendered(group.prompt + text, len(group.prompt)) for text in group.responses]


def _key(tag: bytes, item: Input) -> bytes:
    digest = hashlib.blake2b(item.tokens.tobytes(), digest_size=_KEY, key=tag[:64])
    digest.update(item.boundary.to_bytes(4, "little"))
    return digest.digest()


def _answer_of(read: _Read, found: dict[bytes, Tensor]) -> StateAnswer:
    rows = torch.stack([found[key] for key in read.keys]) if read.keys else torch.zeros(0, 0)
    cut = sum(item.cut for item in read.inputs)
    return StateAnswer(read.model.head, rows, read.job.size, cut, read.model.domain)


def _told(error: Exception) -> Exception:
    """What clients may be told of a failure that is not theirs."""
    return error if isinstance(error, PolyprefError) else PolyprefError(f"the model fails: {type(error).__name__}")
