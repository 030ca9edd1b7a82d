"""Length control takes away what length alone wins, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from polypref.statistics.length_control import length_controlled


def drawn(quality: float, by_length: float, n: int = 3000, seed: int = 0):
    rng = np.random.default_rng(seed)
    mine, theirs = rng.normal(300, 60, n), rng.normal(200, 60, n)
    feature = np.tanh((mine - theirs) / (mine - theirs).std())
    wins = (rng.random(n) < expit(quality + by_length * feature)).astype(float)
    return wins, mine, theirs, np.arange(n)


def test_what_length_wins_is_taken_away() -> None:
    wins, mine, theirs, prompt = drawn(0.0, 2.0)
    assert wins.mean() > 0.7
    found = length_controlled(wins, mine, theirs, prompt)
    assert found.low < 0.5 < found.high


def test_what_quality_wins_stays() -> None:
    wins, mine, theirs, prompt = drawn(1.0, 1.0)
    found = length_controlled(wins, mine, theirs, prompt)
    assert found.low < expit(1.0) < found.high
    assert found.high - found.low < 0.15


def test_equal_lengths_leave_the_share_of_wins() -> None:
    wins = np.array([1.0, 0.0, 0.7, 0.5])
    found = length_controlled(wins, np.full(4, 10.0), np.full(4, 10.0), np.arange(4))
    assert found.value == pytest.approx(0.55, abs=1e-3)


def test_prompts_are_resampled_whole_and_one_alone_has_no_interval() -> None:
    wins, mine, theirs, _ = drawn(0.5, 0.5, n=400)
    few = length_controlled(wins, mine, theirs, np.arange(400) // 40)
    many = length_controlled(wins, mine, theirs, np.arange(400))
    assert few.value == many.value
    assert (few.low, few.high) != (many.low, many.high)
    assert length_controlled(wins, mine, theirs, np.zeros(400, dtype=int)).low is None
