"""Distances between label distributions, against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from polypref.evaluation.crowd_metrics import mean_label_error, wasserstein_1


def test_a_step_costs_its_length():
    p, q = np.array([[1.0, 0, 0]]), np.array([[0, 0.5, 0.5]])
    assert wasserstein_1(p, [1, 2, 4], q, [1, 2, 4]) == pytest.approx([0.5 * 1 + 0.5 * 3])
    assert mean_label_error(p, [1, 2, 4], q, [1, 2, 4]) == pytest.approx([2.0])


def test_a_wider_crowd_with_the_same_mean_is_at_a_distance():
    p, q = np.array([[0, 1.0, 0]]), np.array([[0.5, 0, 0.5]])
    assert wasserstein_1(p, [1, 2, 3], q, [1, 2, 3]) == pytest.approx([1.0])
    assert mean_label_error(p, [1, 2, 3], q, [1, 2, 3]) == pytest.approx([0.0])


VALUES = st.lists(st.integers(-20, 20).map(lambda n: n / 4), min_size=1, max_size=6, unique=True)


@given(VALUES, VALUES, st.integers(0, 2**32 - 1))
def test_agrees_with_scipy_on_any_two_supports(p_values, q_values, seed):
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.ones(len(p_values)), 3), rng.dirichlet(np.ones(len(q_values)), 3)
    expected = [wasserstein_distance(p_values, q_values, a, b) for a, b in zip(p, q)]
    assert wasserstein_1(p, p_values, q, q_values) == pytest.approx(expected, abs=1e-9)
    assert wasserstein_1(q, q_values, p, p_values) == pytest.approx(expected, abs=1e-9)
