"""Live opinions are those of all votes at once, move by every vote, and tell when they have changed."""

from __future__ import annotations

import random
import time
from pathlib import Path

import numpy as np
import pytest

from polypref import Comparison, DataError, Group, Rating
from polypref.serving.ballots import Vote
from polypref.serving.blending import held_out, learned_strength
from polypref.serving.opinion import DriftAlarm, Opinion, Opinions, Prior
from polypref.serving.store import Store

GROUP = Group("Which?", ("a", "b", "c"), scale=(1, 2, 3))


def judgments(n: int, seed: int = 0) -> list[Comparison | Rating]:
    rng = random.Random(seed)
    made: list[Comparison | Rating] = []
    for _ in range(n):
        i, j = rng.sample(range(3), 2)
        if rng.random() < 0.5:
            made.append(Comparison(i, j, rng.choice([0, 0.25, 0.5, 1]), weight=rng.choice([1, 2.5])))
        else:
            made.append(Rating(i, rng.choice([1, 2, 3])))
    return made


def at_once(said: list[Comparison | Rating]) -> tuple[np.ndarray, np.ndarray]:
    """Counted without anything of the code under test, from one vote each way and one for each label."""
    wins, ratings = np.ones((3, 3)), np.ones((3, 3))
    for one in said:
        if isinstance(one, Comparison):
            np.add.at(wins, ([one.i, one.j], [one.j, one.i]), [one.weight * one.p, one.weight * (1 - one.p)])
        else:
            ratings[one.i, int(one.label) - 1] += one.weight
    P = wins / (wins + wins.T)
    np.fill_diagonal(P, 0.5)
    return P, ratings / ratings.sum(axis=1, keepdims=True)


def test_votes_one_by_one_in_any_order_are_all_votes_at_once() -> None:
    said = judgments(5000)
    P, shares = at_once(said)
    for seed in range(3):
        live = Opinion(GROUP, false_alarm=1e-12)
        live.alarm.since = 0.0  # no tests: what is measured are the posteriors
        for one in random.Random(seed).sample(said, len(said)):
            live.add([one])
        np.testing.assert_allclose(live.preferences, P, atol=1e-9)
        assert live.responses is not None
        np.testing.assert_allclose(live.responses.mean, shares, atol=1e-9)


def test_a_vote_moves_its_response_and_its_pair_alone() -> None:
    live = Opinion(GROUP)
    live.add([Comparison(0, 1)])
    live.add([Rating(2, 3)])
    assert live.preferences[0, 1] == pytest.approx(2 / 3)
    assert live.preferences[1, 0] == pytest.approx(1 / 3)
    assert live.preferences[0, 2] == 0.5
    assert live.responses is not None
    np.testing.assert_allclose(live.responses.mean, [[1 / 3] * 3, [1 / 3] * 3, [1 / 4, 1 / 4, 1 / 2]])


def test_forgetting_fades_what_was_said_before() -> None:
    live = Opinion(GROUP, forgetting=0.5)
    for p in (1, 1, 0):
        live.add([Comparison(0, 1, p)])
    assert (live.wins[0, 1], live.wins[1, 0]) == (0.75, 1)


def test_a_model_counts_as_so_many_votes() -> None:
    P = np.array([[0.5, 0.9, 0.2], [0.1, 0.5, 0.5], [0.8, 0.5, 0.5]])
    q = np.array([[0.7, 0.2, 0.1]] * 3)
    live = Opinion(GROUP, Prior(P, q, strength=4))
    np.testing.assert_allclose(live.preferences, P, atol=1e-9)
    assert live.responses is not None
    np.testing.assert_allclose(live.responses.mean, q, atol=1e-9)
    for _ in range(4):
        live.add([Comparison(1, 0)])
    assert live.preferences[0, 1] == pytest.approx(4 * 0.9 / 8)
    for _ in range(10_000):
        live.wins[1, 0] += 1
    assert live.preferences[0, 1] < 0.001, "with many votes it is people's opinion"


def test_the_weight_of_a_model_is_learned_from_held_out_votes() -> None:
    """A crowd drawn around the model's opinion with concentration s is best foretold with about s votes."""
    rng = np.random.default_rng(0)
    q = rng.dirichlet([2, 2, 2], size=3000)
    for strength in (1.0, 8.0):
        crowd = np.array([rng.dirichlet(strength * row) for row in q])
        counts = np.array([rng.multinomial(6, row) for row in crowd])
        learned = learned_strength(q, counts)
        assert strength / 1.4 < learned < strength * 1.4
        for other in (learned / 2, learned * 2):
            assert held_out(learned, q, counts) > held_out(other, q, counts)


def test_held_out_likelihood_by_hand() -> None:
    # two votes for the first label, one for the second; each foretold from the other two and the prior 2·(½, ½)
    expected = 2 * np.log((1 + 1) / (2 + 2)) + np.log((1 + 0) / (2 + 2))
    assert held_out(2.0, [[0.5, 0.5]], [[2, 1]]) == pytest.approx(expected, abs=1e-6)
    with pytest.raises(DataError):
        learned_strength([[0.5, 0.5]], [[0, 0]])


@pytest.mark.parametrize("strength", [0.0, -1.0, float("nan")])
def test_a_model_worth_no_votes(strength: float) -> None:
    with pytest.raises(DataError):
        Prior(strength=strength)


def stream(alarm: DriftAlarm, n: int, change: int, rng: np.random.Generator) -> None:
    for at in range(n):
        share = 0.7 if at < change else 0.1
        alarm.add(int(rng.integers(3)), float(rng.random() < share), 1.0, float(at))


@pytest.mark.slow
def test_the_alarm_is_raised_by_a_change_and_hardly_ever_by_chance() -> None:
    """At a rate of 0.2, no more than 20 of 100 steady streams of 128 votes, give or take three standard deviations."""
    rng = np.random.default_rng(1)
    raised = 0
    for _ in range(100):
        alarm = DriftAlarm(rate=0.2)
        stream(alarm, 128, 128, rng)
        raised += alarm.since is not None
    assert raised <= 100 * 0.2 + 3 * np.sqrt(100 * 0.2 * 0.8)
    alarm = DriftAlarm(rate=0.05)
    stream(alarm, 128, 64, rng)
    assert alarm.since is not None
    assert abs(alarm.since - 64) < 12


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "votes.db"))


def test_opinions_of_a_store_follow_its_votes(store: Store) -> None:
    [item] = store.add([GROUP])
    opinions = Opinions(store)
    assert opinions.matrix(item)[0, 1] == 0.5
    first, _ = store.vote(Vote(item, "comparison", {"i": 0, "j": 1}, "ann", 1.0))
    told = opinions.moved_by(first)
    assert told["preferences"][0][1] == pytest.approx(2 / 3)
    assert told["votes"] == 1
    assert opinions.moved_by(first) == told, "a vote that is told of twice moves it once"

    other, _ = store.vote(Vote(item, "ranking", {"order": [2, 1, 0]}, "bob", 2.0))
    opinions.moved_by(other)
    np.testing.assert_array_equal(opinions.matrix(item), Opinions(store).matrix(item))
    assert opinions.matrix(item)[2, 0] == pytest.approx(2 / 3)

    corrected, _ = store.vote(Vote(item, "comparison", {"i": 1, "j": 0}, "ann", 3.0, replaces=first.id))
    assert opinions.moved_by(corrected)["preferences"][0][1] == pytest.approx(1 / 4)
    store.forget("ann")
    opinions.begin_anew()
    assert opinions.matrix(item)[0, 1] == pytest.approx(1 / 3)


def test_an_update_costs_no_retraining() -> None:
    live = Opinion(GROUP)
    live.alarm.since = 0.0
    said = judgments(2000)
    started = time.perf_counter()
    for one in said:
        live.add([one])
    assert (time.perf_counter() - started) / len(said) < 1e-3
