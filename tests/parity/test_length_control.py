"""AlpacaEval's regression against Newton's method."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from tests.statistics.test_length_control import drawn

from polypref.statistics.length_control import length_controlled


def test_the_regression_is_that_of_newtons_method() -> None:
    wins, mine, theirs, prompt = drawn(0.4, 0.8, n=500)
    wins = (wins + 0.3) / 1.6  # shares, not only wins and losses
    x = np.stack([np.ones(500), np.tanh((mine - theirs) / (mine - theirs).std())], axis=1)
    at = np.zeros(2)
    for _ in range(30):
        p = expit(x @ at)
        at += np.linalg.solve(
            x.T @ (x * (p * (1 - p))[:, None]) / 500 + 1e-3 * np.eye(2), x.T @ (wins - p) / 500 - 1e-3 * at
        )
    assert length_controlled(wins, mine, theirs, prompt, resamples=10).value == pytest.approx(expit(at[0]), abs=1e-6)
