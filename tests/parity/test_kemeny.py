"""Kemeny rankings and their bounds against SciPy's linear and integer programmes."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from tests.choice.strategies import cost, random_preferences

from polypref.choice import kemeny_ranking
from polypref.choice.kemeny import EXACT_SIZE


def programme(P: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Gains and base of the cost over pairs a < b, and one row for 0 ≤ x_ab + x_bc − x_ac ≤ 1 each."""
    pairs = list(combinations(range(len(P)), 2))
    number = {pair: k for k, pair in enumerate(pairs)}
    rows = np.zeros((len(P) * (len(P) - 1) * (len(P) - 2) // 6, len(pairs)))
    for row, (a, b, c) in zip(rows, combinations(range(len(P)), 3)):
        row[[number[a, b], number[b, c], number[a, c]]] = 1, 1, -1
    return np.array([P[j, i] - P[i, j] for i, j in pairs]), sum(P[i, j] for i, j in pairs), rows


def least_cost(P: np.ndarray) -> float:
    """By SciPy's branch and bound."""
    gain, base, rows = programme(P)
    solved = milp(gain, integrality=1, bounds=Bounds(0, 1), constraints=LinearConstraint(rows, 0, 1))
    return float(solved.fun + base)


def tournament(size: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    utility = rng.normal(size=size)
    share = rng.binomial(5, 1 / (1 + np.exp(utility[None] - utility[:, None]))) / 5
    upper = np.triu(share, 1)
    return upper + np.tril(1 - upper.T, -1) + 0.5 * np.eye(size)


@pytest.mark.parametrize("seed", range(4))
def test_bounds_hold_where_all_orders_are_too_many(seed):
    P = tournament(14, seed)
    found, least = kemeny_ranking(P), least_cost(P)
    assert sorted(found.order.tolist()) == list(range(14))
    assert found.lower_bound <= least + 1e-6
    assert least - 1e-6 <= found.cost <= 1.03 * least
    assert found.cost == pytest.approx(cost(found.order, P, np.ones_like(P)))
    assert found.exact == (found.cost == found.lower_bound)
    if found.exact:
        assert found.cost == pytest.approx(least)


@pytest.mark.parametrize(("seed", "votes"), [(0, 100), (1, 100), (0, 1), (1, 1), (2, 1), (3, 1)])
def test_the_bound_is_that_of_all_triangle_inequalities_and_the_cost_close_to_the_least(seed, votes):
    P = random_preferences(EXACT_SIZE + 2, seed, votes)
    gain, base, rows = programme(P)
    limits = np.concatenate([np.ones(len(rows)), np.zeros(len(rows))])
    relaxed = linprog(gain, A_ub=np.vstack([rows, -rows]), b_ub=limits, bounds=(0, 1)).fun + base
    found, least = kemeny_ranking(P), least_cost(P)
    assert sorted(found.order) == list(range(len(P)))
    assert found.cost == pytest.approx(np.triu(P.T[np.ix_(found.order, found.order)], 1).sum())
    assert least - 1e-6 <= found.cost <= 1.03 * least
    if found.exact:
        assert found.cost == found.lower_bound == pytest.approx(least)
    else:
        assert found.lower_bound == pytest.approx(relaxed, abs=1e-5)
        assert found.lower_bound < found.cost
