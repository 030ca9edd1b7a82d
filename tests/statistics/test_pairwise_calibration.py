"""Weights of an ensemble's members against a search of the whole simplex, and camps that are found without names."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from polypref.errors import DataError
from polypref.statistics.pairwise_calibration import calibrate_pairwise


@pytest.mark.parametrize("seed", range(5))
def test_no_weights_on_a_grid_are_better(seed) -> None:
    rng = np.random.default_rng(seed)
    votes, shares, counts = rng.choice([0, 0.5, 1], size=(3, 8)), rng.random(8), rng.integers(1, 9, size=8)
    found = calibrate_pairwise(votes, shares, counts)

    def error(w: np.ndarray) -> float:
        return float((counts * (w @ votes - shares) ** 2).sum() / counts.sum())

    grid = [np.array([a, b, 100 - a - b]) / 100 for a, b in product(range(101), repeat=2) if a + b <= 100]
    best = min(grid, key=error)
    assert found.error == pytest.approx(error(found.weights))
    assert found.even == pytest.approx(error(np.full(3, 1 / 3)))
    assert found.error <= error(best) + 1e-12
    np.testing.assert_allclose(found.weights, best, atol=0.02)
    assert found.weights.min() >= 0
    assert found.weights.sum() == pytest.approx(1)


def test_camps_are_found_by_their_shares_without_names() -> None:
    rng = np.random.default_rng(0)
    camps = rng.integers(2, size=(3, 200)).astype(float)  # what each of three camps prefers
    shares = np.array([0.6, 0.3, 0.1]) @ camps
    found = calibrate_pairwise([*camps, 1 - camps[0]], shares)
    np.testing.assert_allclose(found.weights, [0.6, 0.3, 0.1, 0], atol=1e-8)
    assert found.error == pytest.approx(0, abs=1e-12)
    assert found.even > 0.01


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (([[1, 0]], [0.5]), r"votes \[members, n\]"),
        (([[2.0]], [0.5]), "from 0 to 1"),
        (([[1.0]], [np.nan]), "from 0 to 1"),
        (([[1.0]], [0.5], [0.0]), "positive"),
    ],
)
def test_what_are_no_votes_is_refused(given, match) -> None:
    with pytest.raises(DataError, match=match):
        calibrate_pairwise(*given)
