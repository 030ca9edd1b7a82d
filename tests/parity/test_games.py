"""Equilibria of games against linear programmes, all supports and another solver."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import linprog, root
from scipy.special import softmax
from tests.choice.strategies import random_game

from polypref.choice import equilibrium


def by_linear_programme(A: np.ndarray) -> np.ndarray:
    """max v with pᵀA ≥ v, by HiGHS."""
    size = len(A)
    solved = linprog(
        np.append(np.zeros(size), -1),
        A_ub=np.hstack([-A.T, np.ones((size, 1))]),
        b_ub=np.zeros(size),
        A_eq=np.append(np.ones(size), 0)[None],
        b_eq=[1],
        bounds=[(0, 1)] * size + [(None, None)],
        method="highs",
    )
    assert abs(solved.x[-1]) < 1e-9  # the value of a symmetric game
    return solved.x[:-1]


def by_supports(A: np.ndarray) -> np.ndarray:
    """The first support whose members are indifferent and beat the others; odd ones suffice in general position."""
    for size in range(1, len(A) + 1, 2):
        for support in map(list, combinations(range(len(A)), size)):
            system = np.vstack([A[np.ix_(support, support)], np.ones(size)])
            solved = np.linalg.lstsq(system, np.append(np.zeros(size), 1), rcond=None)[0]
            p = np.zeros(len(A))
            p[support] = solved
            if (solved > 0).all() and (A @ p).max() < 1e-9:
                return p
    raise AssertionError("no support is in equilibrium")


@pytest.mark.parametrize("seed", range(40))
def test_it_is_that_of_a_linear_programme_and_of_all_supports(seed):
    A = random_game(seed)
    np.testing.assert_allclose(equilibrium(A), by_linear_programme(A), atol=1e-8)
    np.testing.assert_allclose(equilibrium(A), by_supports(A), atol=1e-8)


@pytest.mark.parametrize("seed", range(10))
def test_the_regularised_equilibrium_is_that_of_another_solver(seed):
    A = random_game(seed)
    rho = np.random.default_rng(seed).dirichlet(np.ones(len(A)))
    solved = root(lambda z: z - np.log(rho) - A @ softmax(z) / 0.4, np.log(rho), method="lm", tol=1e-14)
    np.testing.assert_allclose(equilibrium(A, reference=rho, beta=0.4), softmax(solved.x), atol=1e-9)
