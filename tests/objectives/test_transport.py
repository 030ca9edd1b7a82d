"""Transport against hand-made numbers, and what makes it a distance between opinions."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from polypref.objectives.transport import (
    exact_transport,
    monotone_transport,
    sinkhorn_divergence,
    transport_between_cdfs,
)


def distributions(seed, rows=4, d=5):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(d, 0.5), size=(2, rows))
    p[:, 0] = np.eye(d)[rng.integers(d, size=2)]  # certain opinions
    return torch.from_numpy(p[0]), torch.from_numpy(p[1])


LABELS = torch.tensor([1.0, 2.0, 4.0, 4.5, 7.0], dtype=torch.float64)


def power_cost(q):
    return (LABELS[:, None] - LABELS).abs() ** q


def test_mass_one_step_off_costs_one_step():
    p, q = torch.tensor([[0.5, 0.5, 0.0]]), torch.tensor([[0.5, 0.4, 0.1]])
    labels = torch.tensor([1.0, 2.0, 5.0])
    assert transport_between_cdfs(p, q, labels).item() == pytest.approx(0.1 * 3)
    assert monotone_transport(p, q, (labels[:, None] - labels) ** 2).item() == pytest.approx(0.1 * 9)


def test_the_farther_off_the_mass_the_larger_the_loss():
    p = torch.eye(5, dtype=torch.float64)
    q = p[:1].expand(5, 5)
    for loss in (transport_between_cdfs(p, q, LABELS), monotone_transport(p, q, power_cost(2))):
        assert (loss.diff() > 0).all()


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_the_monotone_coupling_of_power_1_is_the_area_between_the_cdfs(seed):
    p, q = distributions(seed)
    torch.testing.assert_close(monotone_transport(p, q, power_cost(1)), transport_between_cdfs(p, q, LABELS))


@given(st.integers(0, 10**6), st.sampled_from([1.0, 1.3, 2.0, 4.0]))
@settings(max_examples=20, deadline=None)
def test_equal_opinions_cost_nothing_and_either_may_come_first(seed, power):
    p, q = distributions(seed)
    cost = power_cost(power)
    torch.testing.assert_close(monotone_transport(p, p, cost), torch.zeros(4, dtype=torch.float64))
    torch.testing.assert_close(monotone_transport(p, q, cost), monotone_transport(q, p, cost))


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_the_sinkhorn_divergence_is_0_for_equal_opinions_and_positive_for_others(seed):
    p, q = distributions(seed)
    between, within = (sinkhorn_divergence(p.log(), each.log(), power_cost(1), 1.0) for each in (q, p))
    assert (between > 0).logical_or((p == q).all(-1)).all()
    torch.testing.assert_close(within, torch.zeros_like(within), atol=1e-9, rtol=0)


def test_the_sinkhorn_divergence_tends_to_exact_transport():
    p, q = distributions(0)
    exact = transport_between_cdfs(p, q, LABELS)
    errors = [
        (sinkhorn_divergence(p.log(), q.log(), power_cost(1), epsilon) - exact).abs().max() for epsilon in (1, 0.3, 0.1)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.1


def test_the_gradient_of_exact_transport_is_that_of_the_closed_form():
    # along directions that keep the sum: potentials are unique up to a constant
    p, q = (each[1:] for each in distributions(0))
    p.requires_grad_()
    exact, closed = exact_transport(p, q, power_cost(2)), monotone_transport(p, q, power_cost(2))
    torch.testing.assert_close(exact, closed)
    by_solver, by_form = (torch.autograd.grad(loss.sum(), p)[0] for loss in (exact, closed))
    torch.testing.assert_close(
        by_solver - by_solver.mean(-1, keepdim=True), by_form - by_form.mean(-1, keepdim=True), atol=1e-9, rtol=1e-9
    )
