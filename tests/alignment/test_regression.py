"""Minima of the regression on a table, against a general optimiser."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp

from polypref.alignment.regression import nearest_normalised, normalised


@given(st.integers(2, 6), st.integers(0, 10**6), st.floats(0.05, 3), st.floats(-1, 1))
def test_the_nearest_policy_is_that_of_a_general_optimiser(k, seed, size, shift) -> None:
    rng = np.random.default_rng(seed)
    reference = log_softmax(rng.normal(size=k))
    targets = size * rng.normal(size=k)
    if shift > 0:  # at or above 1 in sum, as self-play makes them
        targets -= np.exp(reference) @ targets
    weights = rng.dirichlet(np.full(k, 3.0)) + 0.01
    found = nearest_normalised(targets, weights, reference)
    assert logsumexp(found + reference) == pytest.approx(0, abs=1e-12)

    def loss(logits):
        return weights @ np.square(log_softmax(logits) - reference - targets)

    other = min(
        (minimize(loss, start, method="BFGS", options={"gtol": 1e-10}) for start in (reference, reference + targets)),
        key=lambda run: run.fun,
    )
    assert weights @ np.square(found - targets) <= other.fun + 1e-6


def test_targets_of_a_policy_are_kept() -> None:
    reference = np.log([0.2, 0.3, 0.5])
    wanted = np.log([0.6, 0.3, 0.1]) - reference
    np.testing.assert_allclose(nearest_normalised(wanted, np.full(3, 1 / 3), reference), wanted, atol=1e-12)
    np.testing.assert_allclose(normalised(wanted + 5, reference), wanted, atol=1e-12)
