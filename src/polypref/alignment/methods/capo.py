"""CaPO: differences of calibrated win rates, of pairs between the two Pareto fronts of several rewards."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from polypref.alignment.methods.base import Look, Method, MethodError
from polypref.alignment.regression import Pairwise, differences


@dataclass(frozen=True, kw_only=True)
class CaPO(Method):
    """(Δ_θ − Δ_ref − (R_i − R_j)/β)², i on the upper and j on the lower front of several reward models.

    Each reward is calibrated first: R_m(y) is how often y wins against samples of the reference, E σ(r_m(y) − r_m(y′)),
    itself among them. R is their mean. The upper front are the responses that no other beats in all rewards, the lower
    those that beat no other; of the rest nothing is learned. With many reward models everything is on both fronts.
    """

    name = "capo"
    title = "calibrated preference optimisation, pairs of Pareto fronts"
    paper = "2502.02588"
    anchor = "reference"
    target = "(R_i − R_j)/β, of fronts"
    game = "preferences"
    goal = "best response"
    last_iterate = True
    samples = "reference"

    def regression(self, look: Look) -> Pairwise:
        if look.rewards is None:
            raise MethodError("the capo method fits rewards: give the rewards of the responses")
        each = self.calibrated(look.rewards, look.weight)
        target = differences(each.mean(-2)) / self.beta
        return Pairwise(anchor=look.reference, target=target, weight=look.weight, pairs=between_fronts(each))

    def calibrated(self, rewards: Tensor, weight: Tensor) -> Tensor:
        """Win rates [..., M, K] against what is sampled with weights [..., K], for rewards [..., M, K]."""
        ahead = differences(rewards)
        wins = ahead.sigmoid() if self.winners == "soft" else (ahead.sign() + 1) / 2
        return (wins * weight[..., None, None, :]).sum(-1)


def between_fronts(values: Tensor) -> Tensor:
    """Which pairs [..., K, K] have one response on the upper and one on the lower front of values [..., M, K]."""
    ahead = differences(values)  # [..., M, K, K]
    beats = (ahead >= 0).all(-3) & (ahead > 0).any(-3)
    upper, lower = ~beats.any(-2), ~beats.any(-1)
    pair = upper.unsqueeze(-1) & lower.unsqueeze(-2)
    same = torch.eye(values.shape[-1], dtype=torch.bool, device=values.device)
    return ((pair | pair.transpose(-1, -2)) & ~same).to(values)


METHODS = (CaPO,)
