"""DPO: the baseline, which learns the one utility that explains preferences best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from polypref.alignment.methods.base import Aim, Floats, Hard, Method, View, check_above_zero

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class DPO(Hard, Method):
    """−P_ij·log σ(β(lr_i − lr_j)) − P_ji·log σ(β(lr_j − lr_i)), anchored at the reference (arXiv 2305.18290).

    β is in log-odds per nat. The policy is reference·exp(u/β) with u the Bradley–Terry utility that fits the data best,
    whatever cycles there are.
    """

    name = "dpo"
    paper = "arXiv 2305.18290"
    offline = True

    beta: float = 0.1

    def __post_init__(self) -> None:
        check_above_zero(self.name, beta=self.beta)

    def aim(self, view: View) -> Aim:
        """The target is P − ½."""
        return Aim(np.zeros(len(view.weights)), self.judged(view.preferences) - 0.5, view.weights)

    def loss(self, log_ratios: Tensor, aim: Aim) -> Tensor:
        """Over ordered pairs of different responses, both orders of a pair being one."""
        import torch

        like: dict[str, Any] = {"dtype": log_ratios.dtype, "device": log_ratios.device}
        shares, weights = (torch.as_tensor(part, **like) for part in (aim.target + 0.5, aim.weights))
        logits = self.beta * (log_ratios[:, None] - log_ratios)
        pairs = weights[:, None] * weights * (1 - torch.eye(len(weights), **like))
        return -(pairs * shares * torch.nn.functional.logsigmoid(logits)).sum()

    def minimum(self, aim: Aim, reference: Floats) -> Floats:
        from polypref.alignment.regression import normalised
        from polypref.choice import fit_bradley_terry

        votes = np.outer(aim.weights, aim.weights)
        np.fill_diagonal(votes, 0.0)
        fitted = fit_bradley_terry(aim.target + 0.5, votes)
        return normalised(fitted.utilities / self.beta, reference)


METHODS = (DPO,)
