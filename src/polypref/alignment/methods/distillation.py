"""Distillation of rewards: log-ratios are differences of reward, pessimistic over several reward models."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from polypref.alignment.methods.base import Look, Method, MethodError
from polypref.alignment.regression import Pairwise, differences


@dataclass(frozen=True, kw_only=True)
class Distillation(Method):
    """(Δ_θ − Δ_ref − (r_i − r_j)/β)²: the optimum is ∝ π_ref exp(r/β).

    Of several reward models r is the mixture least favourable to the policy, group by group: the saddle of
    max_π min_r E_π r − E_ref r − β KL is where log E_ref exp(r/β) − E_ref r/β is least.
    """

    name = "distillation"
    title = "distillation of rewards, the least favourable of several"
    paper = "2405.19316"
    anchor = "reference"
    target = "(r_i − r_j)/β"
    game = "reward"
    goal = "best response"
    last_iterate = True
    samples = "reference"

    def regression(self, look: Look) -> Pairwise:
        if look.rewards is None:
            raise MethodError("the distillation method fits rewards: give the rewards of the responses")
        mixture = least_favourable(look.rewards / self.beta, look.weight)
        reward = (mixture.unsqueeze(-1) * look.rewards).sum(-2)
        return Pairwise(anchor=look.reference, target=differences(reward) / self.beta, weight=look.weight)


def least_favourable(rewards: Tensor, weight: Tensor) -> Tensor:
    """The mixture a [..., M] of rewards [..., M, K] that minimises log E_w exp(aᵀr) − E_w aᵀr.

    An interior point method: Newton's on the convex function with −μ Σ log a, for μ from 1 down to 1e-13.
    """
    models = rewards.shape[-2]
    a = torch.full_like(rewards[..., 0], 1 / models)
    centred = rewards - (rewards * weight.unsqueeze(-2)).sum(-1, keepdim=True)
    for exponent in range(40 if models > 1 else 0):
        barrier = 10.0 ** (-exponent / 3)
        for _ in range(8):
            pi = torch.softmax((a.unsqueeze(-1) * centred).sum(-2) + weight.log(), -1)
            mean = (centred * pi.unsqueeze(-2)).sum(-1)
            spread = centred - mean.unsqueeze(-1)
            hessian = (spread * pi.unsqueeze(-2)) @ spread.transpose(-1, -2)
            scaled = a.unsqueeze(-1) * hessian * a.unsqueeze(-2) + barrier * torch.eye(models, dtype=a.dtype)
            # steps are d = a·e with Σ a e = 0, in which the barrier is well conditioned
            both = torch.linalg.solve(scaled, torch.stack([barrier - a * mean, a], -1))
            price = (a * both[..., 0]).sum(-1, True) / (a * both[..., 1]).sum(-1, True)
            e = both[..., 0] - price * both[..., 1]
            a = a * (1 + e * (0.9 / e.abs().amax(-1, True).clamp_min(0.9)))
            a = a / a.sum(-1, True)
    return a


METHODS = (Distillation,)
