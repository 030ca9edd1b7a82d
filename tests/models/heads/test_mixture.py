"""The mixture head: prototypes by hand, and a person's weights against an independent minimiser."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from polypref.models.heads import HeadError, make_head
from polypref.models.heads._simplex import fit_weights

STATES = torch.tensor([[1.0, -1.0, 0.5], [0.0, 2.0, 0.0], [-0.5, 0.5, 3.0]], dtype=torch.float64)


def test_a_persons_utility_is_the_weighted_mean_of_the_prototypes():
    head = make_head("mixture", prototypes=3, weights=(0.5, 0.25, 0.25))
    np.testing.assert_allclose(head.utilities(STATES), [0.375, 0.5, 0.625])
    assert head.log_odds(STATES[0], STATES[2]).item() == pytest.approx(-0.25)
    np.testing.assert_allclose(make_head("mixture", prototypes=3).utilities(STATES), [0.5 / 3, 2 / 3, 1])


@pytest.mark.parametrize("weights", [(1.0, 0.0, 0.0), (0.2, 0.3, 0.5)])
def test_an_ideal_points_log_odds_are_the_difference_of_squared_distances(weights):
    head = make_head("mixture", prototypes=3, form="ideal", distance=1.5, weights=weights)
    squared = ((STATES.numpy() - 1.5 * np.array(weights)) ** 2).sum(1)
    np.testing.assert_allclose(head.all_log_odds(STATES), squared[None] - squared[:, None], atol=1e-12)


@pytest.mark.parametrize(
    "settings",
    [
        {"prototypes": 0},
        {"form": "other"},
        {"distance": 0.0},
        {"shrinkage": float("inf")},
        {"weights": (0.5, 0.5)},
        {"weights": (0.5, 0.5, 0.5, 0.5)},
    ],
)
def test_settings_without_meaning_are_refused(settings):
    with pytest.raises(HeadError, match=next(iter(settings))):
        make_head("mixture", **settings)


def test_whose_weights_are_read_is_no_part_of_what_the_head_is():
    head = make_head("mixture", prototypes=3)
    seen = head.as_person((1.0, 0.0, 0.0))
    assert seen == head
    assert seen.settings()["weights"] == (1.0, 0.0, 0.0)


def test_other_heads_know_of_no_persons():
    with pytest.raises(HeadError, match="a scalar head knows of no persons; train one that does: mixture"):
        make_head("scalar").as_person((1.0,))


# — a person's weights —


def some_votes(seed, n, K=4):
    rng = np.random.default_rng(seed)
    differences, w = 2 * rng.normal(size=(n, K)), rng.dirichlet(np.ones(K))
    share = (rng.random(n) < 1 / (1 + np.exp(-differences @ w))).astype(float)
    return differences, share, rng.integers(1, 4, n).astype(float), rng.dirichlet(np.ones(K))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n", [1, 5, 40])
def test_the_fit_is_the_minimum_that_another_minimiser_finds(seed, n):
    differences, share, votes, mean = some_votes(seed, n)

    def loss(z):
        w = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
        x = differences @ w
        return (votes * (np.logaddexp(0, x) - share * x)).sum() - 2.0 * (mean * np.log(w)).sum()

    w = fit_weights(differences, share, votes, mean, 2.0)
    assert w.sum() == pytest.approx(1)
    assert w.min() > 0
    assert loss(np.log(w)) <= minimize(loss, np.log(mean), tol=1e-12).fun + 1e-7


def test_who_said_nothing_is_the_mean_and_who_said_little_is_near_it():
    differences, _, _, mean = some_votes(0, 50)
    nothing = fit_weights(differences[:0], np.zeros(0), np.zeros(0), mean, 1.0)
    np.testing.assert_allclose(nothing, mean, atol=1e-9)
    differences[:, 0] += 3
    distances = [
        np.abs(fit_weights(differences[:n], np.ones(n), np.ones(n), mean, 1.0) - mean).sum() for n in (1, 5, 50)
    ]
    assert distances[0] < distances[1] < distances[2]


def test_votes_that_agree_whatever_the_weights_and_extreme_states_have_a_fit():
    w = fit_weights(np.full((3, 2), 1e4), np.ones(3), np.ones(3), np.array([0.5, 0.5]), 1.0)
    np.testing.assert_allclose(w, 0.5, atol=1e-6)
    w = fit_weights(np.array([[1e4, -1e4]]), np.ones(1), np.full(1, 100.0), np.array([0.5, 0.5]), 1.0)
    assert w[0] > 0.5
    assert w[1] > 0
