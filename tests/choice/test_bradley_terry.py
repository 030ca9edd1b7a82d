"""Bradley–Terry estimates: by hand, their errors, and where they do not exist."""

from __future__ import annotations

import numpy as np
import pytest

from polypref import Undefined
from polypref.choice import fit_bradley_terry


def test_two_responses_by_hand():
    found = fit_bradley_terry([[0.5, 0.8], [0.2, 0.5]], [[0, 10], [10, 0]])
    assert found.utilities[0] - found.utilities[1] == pytest.approx(np.log(4))
    # Fisher information of the difference is 10·0.8·0.2; each utility is half of it
    np.testing.assert_allclose(found.standard_errors, 0.5 / np.sqrt(1.6))


@pytest.mark.slow
def test_standard_errors_are_those_of_repeated_crowds():
    truth = np.array([0.8, 0.1, -0.3, -0.6])
    chance = 1 / (1 + np.exp(truth[None] - truth[:, None]))
    W = 60.0 * (np.ones((4, 4)) - np.eye(4))
    rng = np.random.default_rng(0)
    estimates, errors = [], []
    for _ in range(400):
        upper = np.triu(rng.binomial(60, chance) / 60, 1)
        found = fit_bradley_terry(upper + np.tril(1 - upper.T, -1) + 0.5 * np.eye(4), W)
        estimates.append(found.utilities)
        errors.append(found.standard_errors)
    np.testing.assert_allclose(np.std(estimates, axis=0), np.mean(errors, axis=0), rtol=0.12)
    np.testing.assert_allclose(np.mean(estimates, axis=0), truth, atol=0.03)


def test_undefined_where_someone_always_wins_unless_there_is_a_prior():
    P = np.array([[0.5, 1.0, 1.0], [0.0, 0.5, 0.6], [0.0, 0.4, 0.5]])
    W = 5 * (np.ones((3, 3)) - np.eye(3))
    with pytest.raises(Undefined, match="response 0 never lost"):
        fit_bradley_terry(P, W)
    found = fit_bradley_terry(P, W, prior_strength=1.0)
    assert found.utilities[0] == found.utilities.max()
    assert np.isfinite(found.utilities).all()


def test_undefined_where_parts_were_never_compared():
    P = np.full((4, 4), np.nan)
    np.fill_diagonal(P, 0.5)
    P[0, 1], P[1, 0], P[2, 3], P[3, 2] = 0.7, 0.3, 0.6, 0.4
    W = np.where(np.isnan(P), 0.0, 3.0) - 3 * np.eye(4)
    with pytest.raises(Undefined, match="never compared with each other"):
        fit_bradley_terry(P, W)
