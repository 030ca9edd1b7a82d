"""The queue: right answers, every input once, prompts together, bounds, and clients that leave."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from polypref import Group, PolyprefError, PreferenceModel
from polypref.serving.batching import Batcher, Question
from polypref.serving.errors import Busy, Refused


class Gate:
    """Holds the thread of a queue at the first group it reads, so that others gather behind it."""

    def __init__(self, model: PreferenceModel) -> None:
        self.model, self.open, self.reached = model, threading.Event(), threading.Event()

    def __call__(self, _domain: str | None, group: Group) -> PreferenceModel:
        if group.prompt == "wait":
            self.reached.set()
            assert self.open.wait(10)
        return self.model


class Watched:
    """What an encoder is asked to read."""

    def __init__(self, model: PreferenceModel, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[list[int]] = []  # inputs of each group, call by call
        states = model.encoder.states

        def watched(groups: Any, budget: int) -> Any:
            self.calls.append([len(group) for group in groups])
            return states(groups, budget)

        monkeypatch.setattr(model.encoder, "states", watched)


@pytest.fixture
def gated(model: Callable[..., PreferenceModel]) -> Any:
    """A queue of which one job is being read, and others wait."""
    gate = Gate(model())
    batcher = Batcher(gate, most_waiting=8)
    first = batcher.submit(Question(Group("wait", ("for it",))))
    assert gate.reached.wait(10)
    yield batcher, gate, first
    gate.open.set()
    batcher.close()


@pytest.mark.parametrize("backbone", ["llama", "bert"])
@pytest.mark.parametrize("head", ["scalar", "general", "pair"])
def test_answers_are_those_of_the_model(model: Callable[..., PreferenceModel], backbone: str, head: str) -> None:
    one = model(backbone, head)
    groups = [Group(f"Question {k}?", (f"yes {k}", "no", "perhaps, who knows")) for k in range(5)]
    batcher = Batcher(lambda domain, group: one)
    futures = [batcher.submit(Question(group)) for group in groups]
    for group, future in zip(groups, futures):
        np.testing.assert_allclose(future.result(30).log_odds, one.log_odds(group), atol=1e-4)
    batcher.close()


def test_what_waits_is_read_together_each_input_once_and_each_prompt_as_one_group(
    gated: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    batcher, gate, first = gated
    watched = Watched(gate.model, monkeypatch)
    same = [batcher.submit(Question(Group("Tea or coffee?", (text,)))) for text in ("tea", "coffee", "tea")]
    other = batcher.submit(Question(Group("Walk or run?", ("walk", "run"))))
    gate.open.set()
    answers = [future.result(10) for future in (*same, other)]
    # everything that waited is one batch, beside the job that held the gate
    assert watched.calls == [[1, 2, 2]]
    assert answers[0].utilities == answers[2].utilities
    assert (batcher.counts.asked, batcher.counts.encoded) == (6, 5)
    first.result(10)

    again = batcher.submit(Question(Group("Tea or coffee?", ("coffee", "tea")))).result(10)
    assert len(watched.calls) == 1, "what is kept is not read again"
    np.testing.assert_array_equal(again.utilities, [*answers[1].utilities, *answers[0].utilities])


def test_the_cache_is_bounded(model: Callable[..., PreferenceModel]) -> None:
    batcher = Batcher(lambda domain, group: model(), cached_rows=3)
    for k in range(10):
        batcher.submit(Question(Group("Which?", (f"number {k}",)))).result(10)
    batcher.close()
    assert len(batcher._rows) == 3
    assert batcher.counts.encoded == 10


def test_a_full_queue_says_when_to_come_again(gated: Any) -> None:
    batcher, _, _ = gated
    batcher.submit(Question(Group("a", tuple("1234567"))))
    with pytest.raises(Busy, match="7 responses are waiting") as error:
        batcher.submit(Question(Group("b", ("1", "2"))))
    assert error.value.status == 503
    assert error.value.retry_after is not None
    assert error.value.retry_after >= 1
    batcher.submit(Question(Group("b", ("1",))))  # one more fits
    with pytest.raises(Refused, match="9 responses in one request, and 8 are taken"):
        batcher.submit(Question(Group("c", tuple("123456789"))))
    assert batcher.counts.refused == 1


def test_a_client_that_leaves_costs_nothing(gated: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    batcher, gate, _ = gated
    left = batcher.submit(Question(Group("a", tuple("12345"))))
    stays = batcher.submit(Question(Group("b", ("1",))))
    assert left.cancel()
    watched = Watched(gate.model, monkeypatch)
    gate.open.set()
    stays.result(10)
    assert watched.calls == [[1, 1]]  # the one behind the gate, and the one that stayed
    assert batcher.counts.cancelled == 1
    assert batcher.waiting == 0


def test_a_question_that_cannot_be_read_is_the_clients_own_and_no_others(gated: Any) -> None:
    batcher, gate, first = gated
    bad = batcher.submit(Question(Group("\ud800", ("x",))))
    good = batcher.submit(Question(Group("fine", ("x",))))
    gate.open.set()
    with pytest.raises(PolyprefError):
        bad.result(10)
    assert np.isfinite(good.result(10).utilities).all()
    assert np.isfinite(first.result(10).utilities).all()


def test_closing_answers_what_waits(gated: Any) -> None:
    batcher, gate, _ = gated
    waits = batcher.submit(Question(Group("a", ("1",))))
    gate.open.set()
    batcher.close()
    assert waits.result(0) is not None
    with pytest.raises(Busy, match="closing"):
        batcher.submit(Question(Group("b", ("1",))))


def test_other_weights_answer_from_the_next_batch_on(model: Callable[..., PreferenceModel]) -> None:
    old, new = model(), model(seed=1)
    group = Group("Which?", ("this", "that"))
    batcher = Batcher(lambda domain, asked: old)
    before = batcher.submit(Question(group)).result(10)
    batcher.replace(lambda domain, asked: new)
    after = batcher.submit(Question(group)).result(10)
    batcher.close()
    np.testing.assert_allclose(before.utilities, old.utilities(group), atol=1e-5)
    np.testing.assert_allclose(after.utilities, new.utilities(group), atol=1e-5)
    assert not np.allclose(before.utilities, after.utilities)
