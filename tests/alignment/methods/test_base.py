"""The protocol: a method asked about a sampled group, where weights are even and rows leave one out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from polypref.alignment.methods import Look, all_methods, make_method, markdown
from polypref.alignment.methods.distillation import least_favourable


def sampled(size: int = 4, prompts: int = 2) -> Look:
    torch.manual_seed(0)
    upper = torch.randn(prompts, size, size).triu(1)
    S = upper - upper.transpose(-1, -2)
    return Look(
        iteration=2,
        weight=torch.full((prompts, size), 1 / size),
        opponents=((1 - torch.eye(size)) / (size - 1)).expand(prompts, size, size),
        log_odds=S,
        preferences=torch.sigmoid(S),
        reference=-20 - torch.rand(prompts, size),
        history=(-21 - torch.rand(prompts, size), -22 - torch.rand(prompts, size)),
        length=torch.randint(5, 20, (prompts, size)).float(),
        rewards=torch.randn(prompts, 3, size),
    )


@pytest.mark.parametrize("name", list(all_methods()))
def test_a_gradient_step_on_sampled_groups_comes_nearer_to_the_target(name):
    look, method = sampled(), make_method(name)
    log_policy = look.policy.clone().requires_grad_()
    loss = method.loss(log_policy, look)
    assert loss.shape == (2,)
    regression = method.regression(look)
    assert regression.achieved(log_policy).shape == regression.target.shape
    (gradient,) = torch.autograd.grad(loss.sum(), log_policy)
    assert (method.loss(look.policy - 1e-3 * gradient, look) < loss).all()


def test_the_targets_of_a_group_by_hand():
    look = sampled()
    gpo = make_method("gpo", beta=0.5, partition="zero").regression(look)
    torch.testing.assert_close(gpo.target, look.log_odds.sum(-1) / 3 / 0.5)
    assert gpo.target.sum(-1).abs().max() < 1e-5
    hard = make_method("inpo", beta=0.5, step=0.25, winners="hard").regression(look)
    torch.testing.assert_close(hard.target, torch.sign(look.log_odds) * 0.25 / (2 * 0.5))
    torch.testing.assert_close(hard.anchor, 0.25 * look.reference + 0.75 * look.history[0])
    mnpo = make_method("MNPO", step=0.5, past=(0.75, 0.25)).regression(look)
    torch.testing.assert_close(mnpo.anchor, 0.5 * look.reference + 0.375 * look.history[0] + 0.125 * look.history[1])
    per_token = make_method("ln_gpo", beta=2.0, partition="zero").regression(look)
    ratio = (look.reference - look.policy) / look.length
    expected = (0.25 * (ratio - look.log_odds.sum(-1) / 3 / 2).square()).sum(-1)
    torch.testing.assert_close(per_token.loss(look.reference), expected)


def test_the_least_favourable_of_a_reward_and_its_opposite_is_both_halves():
    r = torch.tensor([[1.0, 0, -1], [-1.0, 0, 1]], dtype=torch.float64)
    found = least_favourable(r, torch.full((3,), 1 / 3, dtype=torch.float64))
    np.testing.assert_allclose(found, 0.5, atol=1e-9)


def test_the_table_for_the_docs_has_a_line_for_each():
    assert markdown().count("\n") == len(all_methods()) + 2
