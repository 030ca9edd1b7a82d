"""The regression: its losses by hand, and its exact solutions, where its gradient over a table is 0."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from polypref.alignment.regression import Logistic, OneSided, Pairwise
from polypref.choice import fit_bradley_terry


def problem(kind, seed=0, partition=True):
    rng = np.random.default_rng(seed)
    anchor = torch.log_softmax(torch.tensor(rng.normal(size=(2, 5))), -1)
    weight = torch.tensor(rng.dirichlet(np.ones(5), size=2))
    matrix = torch.tensor(rng.normal(size=(2, 5, 5)))
    skew = matrix - matrix.transpose(-1, -2)
    if kind is OneSided:
        return OneSided(anchor=anchor, target=0.3 * matrix[..., 0], weight=weight)
    if kind is Pairwise:
        return Pairwise(anchor=anchor, target=skew, weight=weight)
    return Logistic(anchor=anchor, target=torch.sigmoid(skew), weight=weight, beta=0.4)


@pytest.mark.parametrize("kind", [OneSided, Pairwise, Logistic])
def test_the_gradient_at_the_solution_is_0_and_the_loss_is_higher_elsewhere(kind):
    regression = problem(kind)
    logits = regression.solution().requires_grad_()
    np.testing.assert_allclose(logits.detach().exp().sum(-1), 1)
    loss = regression.loss(torch.log_softmax(logits, -1))
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    assert gradient.abs().max() < 1e-10
    for seed in range(20):
        other = logits.detach() + 0.1 * torch.tensor(np.random.default_rng(seed).normal(size=logits.shape))
        assert (regression.loss(torch.log_softmax(other, -1)) > loss.detach()).all()


def test_losses_by_hand():
    anchor, weight = torch.zeros(2), torch.tensor([0.25, 0.75])
    log_policy = torch.tensor([1.0, -1.0])
    one = OneSided(anchor=anchor, target=torch.tensor([0.0, 1.0]), weight=weight)
    assert one.loss(log_policy) == 0.25 * 1 + 0.75 * 4
    target = torch.tensor([[0.0, 1], [-1, 0]])
    assert Pairwise(anchor=anchor, target=target, weight=weight).loss(log_policy) == (2 - 1) ** 2
    shares = torch.tensor([[0.5, 0.8], [0.2, 0.5]])
    expected = -0.8 * np.log(1 / (1 + np.exp(-1))) - 0.2 * np.log(1 / (1 + np.exp(1)))
    assert Logistic(anchor=anchor, target=shares, weight=weight, beta=0.5).loss(log_policy) == pytest.approx(expected)


def test_the_logistic_solution_is_a_bradley_terry_fit():
    regression = problem(Logistic)
    for k in range(2):
        P, w = regression.target[k].numpy(), regression.weight[k].numpy()
        votes = np.outer(w, w) * 1000
        np.fill_diagonal(votes, 0)
        expected = fit_bradley_terry(P, votes).utilities
        found = 0.4 * (regression.solution()[k] - regression.anchor[k]).numpy()
        np.testing.assert_allclose(found - found.mean(), expected, atol=1e-8)


def test_what_is_told_in_nats_has_the_slope_of_1_at_the_solution() -> None:
    """Also of DPO, whose loss compares shares; a policy that has not moved has achieved nothing."""
    utility = torch.tensor([0.5, -0.2, 0.1], dtype=torch.double)
    shares = torch.sigmoid(utility[:, None] - utility)
    regression = Logistic(
        anchor=torch.zeros(3).double(), target=shares, weight=torch.full((3,), 1 / 3).double(), beta=0.5
    )
    wanted, found = regression.nats(regression.solution())
    torch.testing.assert_close(found, wanted)
    assert not regression.nats(torch.zeros(3).double())[1].any()
