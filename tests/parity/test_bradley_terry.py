"""Bradley–Terry estimates against SciPy's optimiser and choix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from polypref.choice import fit_bradley_terry


def votes_between(size: int, seed: int, most: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Shares strictly between 0 and 1 and votes, some pairs missing, the graph a path at least."""
    rng = np.random.default_rng(seed)
    P, W = np.full((size, size), np.nan), np.zeros((size, size))
    np.fill_diagonal(P, 0.5)
    for i in range(size):
        for j in range(i + 1, size):
            if j == i + 1 or rng.random() < 0.7:
                W[i, j] = W[j, i] = rng.integers(2, most)
                P[i, j] = rng.integers(1, W[i, j]) / W[i, j]
                P[j, i] = 1 - P[i, j]
    return P, W


def log_likelihood(u: np.ndarray, P: np.ndarray, W: np.ndarray) -> float:
    margin = u[:, None] - u[None]
    return float((W * np.where(W > 0, np.nan_to_num(P), 0) * -np.logaddexp(0, -margin)).sum())


@given(st.integers(2, 7), st.integers(0, 10**6))
def test_no_utilities_are_likelier(size, seed):
    P, W = votes_between(size, seed)
    found = fit_bradley_terry(P, W)
    solved = minimize(lambda u: -log_likelihood(u, P, W), np.zeros(size), method="BFGS", options={"gtol": 1e-8})
    np.testing.assert_allclose(found.utilities, solved.x - solved.x.mean(), atol=1e-4)
    assert found.log_likelihood == pytest.approx(log_likelihood(found.utilities, P, W))
    assert found.log_likelihood >= -solved.fun - 1e-7
    assert found.utilities.mean() == pytest.approx(0, abs=1e-12)


def test_choix_gives_the_same_utilities():
    choix = pytest.importorskip("choix", reason="parity with choix")
    rng = np.random.default_rng(3)
    truth = rng.normal(size=12)
    wins = np.zeros((12, 12))
    for i in range(12):
        for j in range(i + 1, 12):
            wins[i, j] = rng.binomial(20, 1 / (1 + np.exp(truth[j] - truth[i])))
            wins[j, i] = 20 - wins[i, j]
    W = wins + wins.T
    P = np.where(W > 0, wins / np.maximum(W, 1), 0.5)
    theirs = choix.ilsr_pairwise_dense(wins, tol=1e-10)
    np.testing.assert_allclose(fit_bradley_terry(P, W).utilities, theirs - theirs.mean(), atol=1e-6)
