"""Logarithms of the shares of a Beta distribution between equal steps, and their derivatives."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from polypref.models.beta_bins import log_beta_bins

concentrations = st.floats(np.log(0.01), np.log(1e3)).map(np.exp)


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
