"""The distributional head against sums over all label pairs, the crowd's own Beta posterior and SciPy."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from polypref.crowd import Beta
from polypref.models.beta_bins import log_beta_bins
from polypref.models.heads import HeadError, make_head

concentrations = st.floats(np.log(0.01), np.log(1e3)).map(np.exp)


def raw(concentration):
    """The raw value of a concentration: softplus(raw) + 0.01."""
    x = np.asarray(concentration) - 0.01
    return x + np.log(-np.expm1(-x))


def test_categorical_distributions_are_the_softmax_and_utilities_expected_labels():
    head = make_head("distributional", labels=(1, 2, 5))
    z = np.array([[0.0, 1.0, -1.0], [2.0, 2.0, 2.0]])
    p = special.softmax(z, axis=-1)
    states = torch.from_numpy(z)
    np.testing.assert_allclose(head.distributions(states), p)
    np.testing.assert_allclose(head.utilities(states), p @ [1, 2, 5])
    assert head.width == 3


@given(st.integers(2, 6), st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_log_odds_count_every_pair_of_labels_with_ties_for_half(d, seed):
    z = np.random.default_rng(seed).normal(size=(2, d))
    p, q = special.softmax(z, axis=-1)
    win = sum(p[i] * q[j] * (1.0 if i > j else 0.5 if i == j else 0.0) for i in range(d) for j in range(d))
    states = torch.from_numpy(z)
    log_odds = make_head("distributional", labels=tuple(range(d))).log_odds(states[0], states[1])
    assert log_odds.item() == pytest.approx(special.logit(win), abs=1e-12)


def test_log_odds_keep_their_digits_where_probabilities_do_not():
    head = make_head("distributional", labels=(0, 1))
    a, b = torch.tensor([0.0, 100.0]), torch.tensor([100.0, 0.0])
    # P(a < b) = e^−200, and ties 2·e^−100 count for half: P(b ≻ a) = e^−100
    assert head.log_odds(a, b).item() == pytest.approx(100)


@given(concentrations, concentrations, st.integers(2, 8))
@settings(max_examples=60, deadline=None)
def test_beta_distributions_are_those_of_the_crowd(a, b, d):
    a, b = a + 0.011, b + 0.011
    head = make_head("distributional", labels=tuple(range(d)), kind="beta")
    states = torch.tensor([raw(a), raw(b)], dtype=torch.float64)
    expected = Beta(np.array(a), np.array(b), np.zeros(()), np.zeros(())).categories(d)
    np.testing.assert_allclose(head.distributions(states), expected, rtol=1e-6, atol=1e-12)
    assert head.width == 2


def test_a_divided_crowd_is_u_shaped():
    head = make_head("distributional", labels=(1, 2, 3, 4, 5), kind="beta")
    p = head.distributions(torch.tensor([raw(0.1), raw(0.1)], dtype=torch.float64))
    assert p[0] == pytest.approx(p[4])
    assert p[0] > 0.3
    assert p[1:4].max() < 0.1


@given(concentrations, concentrations, st.sampled_from([2, 3, 6]))
@settings(max_examples=60, deadline=None)
def test_logarithms_of_beta_bins_are_finite_with_finite_derivatives(a, b, d):
    x = torch.tensor([a, b], dtype=torch.float64, requires_grad=True)
    log_p = log_beta_bins(x[0], x[1], d)
    (gradient,) = torch.autograd.grad(log_p.sum(), x)
    assert log_p.isfinite().all()
    assert gradient.isfinite().all()
    assert log_p.detach().exp().sum().item() == pytest.approx(1, abs=1e-10)


def test_logarithms_of_small_bins_are_those_of_scipy():
    for a, b in [(30.0, 2.0), (2.0, 30.0), (200.0, 1.5), (2.5, 80.0)]:
        edges = np.linspace(0, 1, 7)
        log_p = log_beta_bins(torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64), 6)
        expected = [np.log(integrate.quad(stats.beta(a, b).pdf, *bin, epsabs=0)[0]) for bin in pairwise(edges)]
        np.testing.assert_allclose(log_p, expected, rtol=1e-9, atol=1e-12)


def test_masses_too_small_to_write_have_the_logarithm_of_high_precision_arithmetic():
    # log of the regularised incomplete beta function between 4/6 and 5/6, computed with 400 digits
    a, b = torch.tensor(2.666581563778992, dtype=torch.float64), torch.tensor(801.0986484061384, dtype=torch.float64)
    a.requires_grad_()
    log_p = log_beta_bins(a, b, 6)[4]
    log_p.backward()
    assert log_p.item() == pytest.approx(-870.0344566598344, abs=2e-3)
    assert a.grad.item() == pytest.approx(5.50211657951, rel=1e-6)


@pytest.mark.parametrize(("a", "b"), [(0.05, 0.05), (1.0, 1.0), (0.3, 20.0), (50.0, 4.0), (300.0, 200.0)])
def test_derivatives_by_both_concentrations_are_exact(a, b):
    x = torch.tensor([a, b], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: log_beta_bins(x[0], x[1], 6), x, eps=1e-6 * min(a, b), atol=1e-6)


def test_derivatives_at_the_uniform_distribution_are_known():
    # d/da I_x(a, 1) = d/da x^a = x^a log x
    a = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    p = log_beta_bins(a, torch.tensor(1.0, dtype=torch.float64), 4).exp()
    jacobian = torch.stack([torch.autograd.grad(p[k], a, retain_graph=True)[0] for k in range(4)])
    edges = np.linspace(0, 1, 5)
    np.testing.assert_allclose(jacobian, np.diff(special.xlogy(edges, edges)), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("settings", [{"labels": (1,)}, {"labels": (2, 1)}, {"labels": (1, 1)}, {"kind": "normal"}])
def test_settings_without_meaning_are_refused(settings):
    with pytest.raises(HeadError, match=next(iter(settings))):
        make_head("distributional", **settings)


def test_labels_may_come_as_a_list_as_in_json():
    assert make_head("distributional", labels=[1, 2]) == make_head("distributional", labels=(1.0, 2.0))
