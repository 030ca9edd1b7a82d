"""Whether telling persons apart pays: in known camps it does, for one mind with noise it does not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from polypref.errors import Undefined
from polypref.statistics.telling_apart import ToldApart, _common, gain_of_telling_apart


def told(apart: float, *, seed: int = 0, people: int = 80, votes: int = 30, ties: bool = False) -> ToldApart:
    rng = np.random.default_rng(seed)
    tastes = np.array([1.0, -0.5, 0, 0]) + apart * rng.normal(size=(people, 4))
    person = np.repeat(np.arange(people), votes)
    difference = rng.normal(size=(len(person), 4))
    share = (rng.random(len(person)) < expit((difference * tastes[person]).sum(axis=1))).astype(float)
    if ties:
        share[::4] = 0.5
    prompt = rng.integers(60, size=len(person))
    return gain_of_telling_apart(difference * [1, 10, 0.1, 1], share, person, prompt, seed=seed)


def test_it_pays_where_people_differ() -> None:
    for ties in (False, True):
        found = told(1.0, ties=ties)
        assert found.pays
        assert found.log_loss.value > 0.03
        assert found.accuracy.low is not None
        assert found.accuracy.low > 0
    assert found.people == 80
    assert found.votes == 2400


def test_it_does_not_pay_where_people_are_of_one_mind() -> None:
    paying = [told(0.0, seed=seed) for seed in range(12)]
    assert sum(found.pays for found in paying) <= 1
    assert all(abs(found.log_loss.value) < 0.01 for found in paying)


def test_the_common_taste_is_the_logistic_regression() -> None:
    rng = np.random.default_rng(3)
    d, share, w = rng.normal(size=(50, 3)), rng.choice([0, 0.5, 1], size=50), rng.integers(1, 4, size=50).astype(float)

    def loss(theta: np.ndarray) -> float:
        s = d @ theta
        return float(-(w * (share * log_expit(s) + (1 - share) * log_expit(-s))).sum() + theta @ theta / 2)

    assert _common(d, share, w) == pytest.approx(minimize(loss, np.zeros(3), tol=1e-10).x, abs=1e-4)


def test_the_same_seed_gives_the_same_gain() -> None:
    assert told(0.5) == told(0.5)


def test_one_voter_or_few_prompts_are_not_enough() -> None:
    d, share = np.ones((20, 1)), np.ones(20)
    with pytest.raises(Undefined, match="needs two who are named"):
        gain_of_telling_apart(d, share, np.zeros(20, np.int64), np.arange(20))
    with pytest.raises(Undefined, match="got 20 with votes on 1"):
        gain_of_telling_apart(d, share, np.arange(20), np.zeros(20, np.int64))
