"""Aggregation: the formulas by hand, the limits, and that nobody gains by lying."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.special import rel_entr

from polypref.errors import DataError
from polypref.people import (
    aggregate,
    clarke_payments,
    least_regret,
    median,
    pool_opinions,
    regrets,
    truthful_opinion,
)
from polypref.people.aggregation import Distance

UTILITIES = np.array([[0.0, 1.0, 3.0], [2.0, 1.0, -3.0]])


def test_agg_by_hand() -> None:
    assert aggregate(UTILITIES, 1.0) == pytest.approx(np.log((np.exp(UTILITIES[0]) + np.exp(UTILITIES[1])) / 2))
    assert aggregate(UTILITIES, -2.0)[0] == pytest.approx(-np.log((1 + np.exp(-4)) / 2) / 2)


def test_agg_goes_from_the_mean_to_the_worst_and_the_best_off() -> None:
    assert aggregate(UTILITIES) == pytest.approx([1, 1, 0])
    assert aggregate(UTILITIES, -np.inf) == pytest.approx([0, 1, -3])
    assert aggregate(UTILITIES, np.inf) == pytest.approx([2, 1, 3])
    for tiny in (1e-12, -1e-12, 1e-300):
        assert aggregate(UTILITIES, tiny) == pytest.approx([1, 1, 0], abs=1e-10)
    assert aggregate(UTILITIES * 1e6, -1.0) == pytest.approx([0, 1e6, -3e6], abs=1)
    path = np.array([aggregate(UTILITIES, a) for a in (-np.inf, -50, -3, -0.5, -1e-9, 0, 1e-9, 0.5, 3, 50, np.inf)])
    assert (np.diff(path, axis=0) >= -1e-9).all()


def test_agg_moves_with_a_common_shift() -> None:
    for alpha in (-4.0, -1e-8, 0.0, 2.0):
        assert aggregate(UTILITIES + 7, alpha) == pytest.approx(aggregate(UTILITIES, alpha) + 7)


def test_power_means_of_opinions_by_hand() -> None:
    opinions = [[0.5, 0.5], [0.9, 0.1]]
    assert pool_opinions(opinions) == pytest.approx([0.7, 0.3])
    root = np.sqrt([0.45, 0.05])
    assert pool_opinions(opinions, 0.0) == pytest.approx(root / root.sum())
    harmonic = 2 / (np.array([1 / 0.5, 1 / 0.5]) + np.array([1 / 0.9, 1 / 0.1]))
    assert pool_opinions(opinions, -1.0) == pytest.approx(harmonic / harmonic.sum())
    assert pool_opinions(opinions, -np.inf) == pytest.approx([0.5 / 0.6, 0.1 / 0.6])
    with pytest.raises(DataError, match="share no label"):
        pool_opinions([[1, 0], [0, 1]], 0.0)


def test_the_median_withstands_a_minority() -> None:
    values = np.array([[0.0, 1.0], [0.1, 1.1], [0.2, 0.9], [1e9, -1e9], [1e9, -1e9]])
    assert median(values) == pytest.approx([0.2, 0.9])


def distance(own: np.ndarray, chosen: np.ndarray, which: Distance) -> float:
    return float((rel_entr(own, chosen) if which == "mean" else rel_entr(chosen, own)).sum())


@pytest.mark.parametrize("which", ["mean", "geometric"])
def test_the_chosen_opinion_is_the_nearest(which: Distance) -> None:
    rng = np.random.default_rng(0)
    opinions = rng.dirichlet([1, 1, 1], size=4)
    chosen = truthful_opinion(opinions, which)
    least = sum(distance(own, chosen, which) for own in opinions)
    for other in rng.dirichlet([2, 2, 2], size=500):
        assert sum(distance(own, other, which) for own in opinions) >= least - 1e-12


def test_payments_by_hand() -> None:
    opinions = np.array([[0.5, 0.5], [0.9, 0.1]])
    chosen = [0.7, 0.3]
    expected = [
        0.9 * np.log(0.9 / 0.7) + 0.1 * np.log(0.1 / 0.3),  # what the second lost by the first's having been heard
        0.5 * np.log(0.5 / chosen[0]) + 0.5 * np.log(0.5 / chosen[1]),
    ]
    assert clarke_payments(opinions) == pytest.approx(expected)
    assert clarke_payments([[0.2, 0.8]]) == pytest.approx([0])
    assert clarke_payments([[0.2, 0.8]] * 3) == pytest.approx([0, 0, 0])


@pytest.mark.parametrize("which", ["mean", "geometric"])
def test_lying_never_pays(which: Distance) -> None:
    """Over a fine grid of lies, in many crowds, the truth costs its teller least."""
    rng = np.random.default_rng(1)
    grid = np.array([(a, b, 60 - a - b) for a in range(1, 59) for b in range(1, 60 - a)]) / 60
    for size in (2, 3, 5):
        opinions = rng.dirichlet([1, 1, 1], size=size)
        truth = opinions[0]

        def cost(said: np.ndarray, opinions: np.ndarray = opinions, truth: np.ndarray = truth) -> float:
            told = np.vstack([said, opinions[1:]])
            return distance(truth, truthful_opinion(told, which), which) + float(clarke_payments(told, which)[0])

        honest = cost(truth)
        costs = np.array([cost(lie) for lie in grid])
        assert costs.min() >= honest - 1e-9
        assert costs.max() > honest + 0.01  # there were lies that cost something


def test_least_regret_is_what_a_linear_programme_finds() -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        R = rng.normal(size=(3, 4)) * 10.0 ** rng.integers(-3, 4)
        mixture, value = least_regret(R)
        solved = linprog(
            [0, 0, 0, 0, 1],
            A_ub=np.column_stack([R, -np.ones(3)]),
            b_ub=np.zeros(3),
            A_eq=[[1, 1, 1, 1, 0]],
            b_eq=[1],
            bounds=[(0, None)] * 4 + [(None, None)],
        )
        assert value == pytest.approx(solved.fun, abs=1e-6 * np.abs(R).max())
        assert mixture.sum() == pytest.approx(1)
        assert (mixture >= 0).all()


def test_least_regret_mixes_where_clusters_are_opposed() -> None:
    R = regrets([[1.0, 0.0], [0.0, 3.0]])
    assert R.tolist() == [[0, 1], [3, 0]]
    mixture, value = least_regret(R)
    assert mixture == pytest.approx([0.25, 0.75])
    assert value == pytest.approx(0.75)


@pytest.mark.parametrize("bad", [[[0.5, 0.6]], [[-0.1, 1.1]], [0.5, 0.5], [[np.nan, 1]]])
def test_bad_opinions_are_refused(bad: object) -> None:
    with pytest.raises(DataError, match="expected"):
        clarke_payments(bad)  # type: ignore[arg-type]


def test_bad_utilities_are_refused() -> None:
    for bad in ([1.0, 2.0], np.zeros((0, 2)), [[np.inf]]):
        with pytest.raises(DataError, match="expected finite utilities"):
            aggregate(bad)
    with pytest.raises(DataError, match="NaN"):
        aggregate(UTILITIES, float("nan"))
    with pytest.raises(DataError, match="unknown distance"):
        clarke_payments([[1.0]], "median")  # type: ignore[arg-type]
