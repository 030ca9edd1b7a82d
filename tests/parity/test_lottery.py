"""Maximal lotteries against a quadratic and a linear programme of SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.optimize import linprog, minimize
from tests.choice.strategies import preferences

from polypref.choice import maximal_lottery


@settings(max_examples=50)
@given(preferences(most=6, steps=4))
def test_of_all_optima_it_has_the_least_norm(P):
    # an independent solver of the same programme
    margins = P - P.T
    solved = minimize(
        lambda p: p @ p,
        np.full(len(P), 1 / len(P)),
        jac=lambda p: 2 * p,
        bounds=[(0, 1)] * len(P),
        constraints=[
            {"type": "eq", "fun": lambda p: p.sum() - 1},
            {"type": "ineq", "fun": lambda p: p @ margins, "jac": lambda p: margins.T},
        ],
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    p = maximal_lottery(P)
    assert p @ p <= solved.x @ solved.x + 1e-7
    np.testing.assert_allclose(p, solved.x, atol=2e-4)


@pytest.mark.parametrize("seed", range(20))
def test_generic_games_have_one_optimum_and_it_is_this(seed):
    rng = np.random.default_rng(seed)
    size = int(rng.integers(3, 30))
    upper = np.triu(rng.random((size, size)), 1)
    P = upper + np.tril(1 - upper.T, -1) + 0.5 * np.eye(size)
    margins = P - P.T
    solved = linprog(np.zeros(size), A_ub=-margins.T, b_ub=np.zeros(size), A_eq=np.ones((1, size)), b_eq=[1])
    np.testing.assert_allclose(maximal_lottery(P), solved.x, atol=1e-6)
