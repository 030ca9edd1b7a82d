"""Distances between label distributions against SciPy and POT."""

from __future__ import annotations

import numpy as np
import ot
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy as scipy_entropy
from scipy.stats import pearsonr, wasserstein_distance

from polypref.evaluation.crowd_metrics import correlation, entropy, jensen_shannon, total_variation, wasserstein_1

VALUES = st.lists(st.integers(-20, 20).map(lambda n: n / 4), min_size=1, max_size=6, unique=True)


@given(VALUES, VALUES, st.integers(0, 2**32 - 1))
def test_agrees_with_scipy_on_any_two_supports(p_values, q_values, seed):
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.ones(len(p_values)), 3), rng.dirichlet(np.ones(len(q_values)), 3)
    expected = [wasserstein_distance(p_values, q_values, a, b) for a, b in zip(p, q)]
    assert wasserstein_1(p, p_values, q, q_values) == pytest.approx(expected, abs=1e-9)
    assert wasserstein_1(q, q_values, p, p_values) == pytest.approx(expected, abs=1e-9)


@given(st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_divergence_and_entropy_agree_with_scipy(d, seed):
    p, q = np.random.default_rng(seed).dirichlet(np.ones(d), (2, 4))
    assert jensen_shannon(p, q) == pytest.approx([jensenshannon(a, b, base=2) ** 2 for a, b in zip(p, q)], abs=1e-9)
    assert entropy(p) == pytest.approx([scipy_entropy(row, base=2) for row in p])
    far = 1 - np.eye(d)  # every label is as far from every other: transport costs what must move
    assert total_variation(p, q) == pytest.approx([ot.emd2(a, b, far) for a, b in zip(p, q)], abs=1e-9)


def test_correlation_is_pearsons_and_nothing_without_variation():
    x, y = np.random.default_rng(0).random((2, 30))
    moments = np.array([[30, x.sum(), y.sum(), (x**2).sum(), (y**2).sum(), (x * y).sum()]])
    assert correlation(moments) == pytest.approx([pearsonr(x, y).statistic])
    assert np.isnan(correlation(np.array([[4, 2, 1, 1, 1, 0.5]]))).all()
