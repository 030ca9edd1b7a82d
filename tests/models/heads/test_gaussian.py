"""The gaussian head against SciPy's normal distribution, far into the tails."""

import math

import numpy as np
import torch
from scipy import stats

from polypref.models.heads import make_head

HEAD = make_head("gaussian")


def raw_spread(sigma):
    """The raw value whose spread is sigma: softplus(raw) + 0.001 = sigma."""
    return math.log(math.expm1(sigma - 1e-3))


def test_preferences_are_those_of_two_normal_utilities():
    mean, sigma = np.array([0.0, 1.0, -2.0]), np.array([0.5, 1.0, 2.0])
    states = torch.tensor([[m, raw_spread(s)] for m, s in zip(mean, sigma)], dtype=torch.float64)
    expected = stats.norm.cdf((mean[:, None] - mean) / np.sqrt(sigma[:, None] ** 2 + sigma**2))
    np.testing.assert_allclose(HEAD.preferences(states), expected, rtol=1e-12)
    np.testing.assert_allclose(HEAD.spread(states), sigma, rtol=1e-12)
    np.testing.assert_allclose(HEAD.utilities(states), mean)


def test_preferences_are_the_shares_of_simulated_people():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.3, 0.5, 10**6), rng.normal(0, 1.5, 10**6)
    states = torch.tensor([[0.3, raw_spread(0.5)], [0, raw_spread(1.5)]], dtype=torch.float64)
    assert abs(HEAD.preferences(states)[0, 1].item() - (a > b).mean()) < 0.002


def test_log_odds_are_exact_in_value_and_gradient_from_minus_50_to_50():
    x = np.linspace(-50, 50, 201)
    # two responses of spread 1/√2 each: x is the difference of the means
    s = raw_spread(math.sqrt(0.5))
    first = torch.tensor(np.stack([x, np.full_like(x, s)], axis=1), requires_grad=True)
    log_odds = HEAD.log_odds(first, torch.tensor([0, s], dtype=torch.float64))
    np.testing.assert_allclose(log_odds.detach(), stats.norm.logcdf(x) - stats.norm.logsf(x), rtol=1e-10, atol=1e-12)
    (gradient,) = torch.autograd.grad(log_odds.sum(), first)
    hazards = np.exp(stats.norm.logpdf(x) - stats.norm.logcdf(x)) + np.exp(stats.norm.logpdf(x) - stats.norm.logsf(x))
    np.testing.assert_allclose(gradient[:, 0], hazards, rtol=1e-9)


def test_a_larger_spread_makes_the_same_difference_less_certain():
    states = torch.tensor([[1.0, -3.0], [0.0, -3.0], [1.0, 3.0], [0.0, 3.0]])
    P = HEAD.preferences(states)
    assert P[0, 1] > 0.999
    assert 0.5 < P[2, 3] < 0.6
