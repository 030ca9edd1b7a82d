"""Kendall's tau-b of groups against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau
from tests.evaluation.test_responses import GROUPS, codes

from polypref.evaluation.responses import kendall


@settings(deadline=None)
@given(GROUPS, st.integers(0, 2**32 - 1))
def test_tau_is_scipys_tau_b(sizes, seed):
    rng, group = np.random.default_rng(seed), codes(sizes)
    score, observed = rng.integers(0, 4, len(group)).astype(float), rng.integers(0, 4, len(group)).astype(float)
    tau, of = kendall(score, observed, group)
    found = dict(zip(of.tolist(), tau.tolist()))
    for g in range(len(sizes)):
        u, o = score[group == g], observed[group == g]
        if len(set(o)) < 2:
            assert g not in found  # no order to find
        elif len(set(u)) < 2:
            assert found[g] == 0  # SciPy gives no number to a prediction that orders nothing
        else:
            assert found[g] == pytest.approx(kendalltau(u, o).statistic)
