"""Least squares on the log-odds: HodgeRank's fit, by a model."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from polypref.models.heads import Head
from polypref.objectives.base import FROM_COMPARISONS, Objective
from polypref.objectives.judgments import Judgments


@dataclass(frozen=True, kw_only=True)
class LogOdds(Objective):
    """ℓ = (log-odds(first ≻ second) − Y)² with Y = logit((w·p + ½)/(w + 1)) of the share p of w votes.

    The half vote for each side (Haldane 1956) keeps unanimous pairs finite; weighted by votes, a free scalar per
    response reaches the potential of HodgeRank (Jiang, Lim, Yao & Ye 2011), as in `choice.hodge_decomposition`.

        >>> import torch
        >>> from polypref import Comparison, Group, objectives
        >>> from polypref.models.heads import make_head
        >>> group = Group("Why?", ("So.", "Because."), [Comparison(0, 1, p=0.8, weight=5)])
        >>> judgments = objectives.collate([objectives.group_judgments(group)], [2])
        >>> head, states = make_head("scalar"), torch.tensor([[1.0], [0.0]])
        >>> losses, weights = objectives.make_objective("log-odds").losses(head, states, judgments)
        >>> print(f"{losses.item():.3f} {weights.item():.0f}")
        0.010 5
    """

    name = "log-odds"
    title = "squared error of the log-odds"
    paper = "Jiang et al. 2011"
    needs = ("preferences",)
    uses = "comparisons"
    accepts = FROM_COMPARISONS

    def loss_of_each(self, head: Head, states: Tensor, judgments: Judgments) -> Tensor:
        wins = judgments.weight * judgments.share
        observed = (wins + 0.5).log() - (judgments.weight - wins + 0.5).log()
        return (judgments.log_odds(head, states) - observed).square()


OBJECTIVES = (LogOdds,)
