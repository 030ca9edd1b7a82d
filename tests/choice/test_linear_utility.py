"""Linear utilities against scikit-learn's logistic regression, by hand, and by what the posterior must be."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from polypref.choice.linear_utility import draw_clusters, fit_linear_utility, resampled_weights
from polypref.errors import PolyprefError


def judged(seed: int, pairs: int, width: int):
    rng = np.random.default_rng(seed)
    differences, truth = rng.normal(size=(pairs, width)), rng.normal(size=width)
    votes = rng.integers(1, 6, pairs)
    return differences, rng.binomial(votes, expit(differences @ truth)) / votes, votes, truth


def test_weights_maximise_the_posterior():
    differences, share, votes, _ = judged(0, 60, 3)

    def loss(w):
        margin = differences @ w
        return 0.35 * w @ w - votes @ (share * margin - np.logaddexp(0, margin))

    found = fit_linear_utility(differences, share, votes, ridge=0.7)
    assert found.weights == pytest.approx(minimize(loss, np.zeros(3), tol=1e-12).x, abs=1e-5)
    p = expit(differences @ found.weights)
    expected = 0.7 * np.eye(3) + (differences.T * (votes * p * (1 - p))) @ differences
    assert found.precision == pytest.approx(expected, abs=1e-9)


def test_one_pair_by_hand():
    # (1 − σ(w)) = ridge·w for a difference of 1 that all preferred
    w = fit_linear_utility(np.array([[1.0]]), [1.0], ridge=0.5).weights[0]
    assert 1 - expit(w) == pytest.approx(0.5 * w, abs=1e-8)


def test_no_votes_are_the_prior():
    found = fit_linear_utility(np.zeros((0, 2)), [], ridge=4.0)
    assert found.weights.tolist() == [0, 0]
    assert found.precision.tolist() == [[4, 0], [0, 4]]
    drawn = found.draws(20_000, 0)
    assert np.cov(drawn.T) == pytest.approx(np.eye(2) / 4, abs=0.01)


def test_votes_count_alike_one_by_one_or_added_up():
    differences, share, votes, _ = judged(1, 20, 2)
    one_by_one = np.repeat(differences, 2, axis=0), np.repeat(share, 2), np.repeat(votes / 2, 2)
    assert fit_linear_utility(*one_by_one).weights == pytest.approx(
        fit_linear_utility(differences, share, votes).weights, abs=1e-7
    )


def test_turning_a_pair_round_changes_nothing():
    differences, share, votes, _ = judged(2, 20, 2)
    assert fit_linear_utility(-differences, 1 - share, votes).weights == pytest.approx(
        fit_linear_utility(differences, share, votes).weights, abs=1e-8
    )


def test_the_truth_is_found():
    differences, share, votes, truth = judged(3, 20_000, 4)
    assert fit_linear_utility(differences, share, votes, ridge=1e-3).weights == pytest.approx(truth, abs=0.05)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ridge": 0.0}, "ridge is 0.0; expected a number above 0"),
        ({"votes": [1.0, 1.0]}, "1 differences with 1 shares and 2 counts of votes"),
    ],
)
def test_wrong_input_is_a_sentence(given, said):
    with pytest.raises(PolyprefError, match=said):
        fit_linear_utility(np.ones((1, 1)), [1.0], **given)


def test_one_step_comes_near_a_fit_to_what_was_drawn():
    rng = np.random.default_rng(0)
    differences = rng.normal(size=(400, 3))
    shares = (rng.random(400) < expit(differences @ [1.0, -0.5, 0.2])).astype(float)
    votes = np.ones(400)
    drawn = draw_clusters(np.repeat(np.arange(100), 4), 5, 0)
    fitted = fit_linear_utility(differences, shares, votes)
    near = resampled_weights(fitted, differences, shares, votes, drawn)
    for member, weights in zip(drawn, near):
        exact = fit_linear_utility(differences, shares, votes * member).weights
        assert np.abs(weights - exact).max() < 0.35 * np.abs(exact - fitted.weights).max()
    once = resampled_weights(fitted, differences, shares, votes, np.ones((1, 400), int))
    assert once[0] == pytest.approx(fitted.weights)


def test_clusters_are_drawn_whole():
    drawn = draw_clusters(["a", "b", "a", "c"], 50, 0)
    assert (drawn[:, 0] == drawn[:, 2]).all()
    assert (drawn[:, [0, 1, 3]].sum(axis=1) == 3).all()
    assert len(np.unique(drawn, axis=0)) > 3
    assert draw_clusters([], 2, 0).shape == (2, 0)
