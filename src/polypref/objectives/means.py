"""Squared error of the mean rating, the baseline that sees no disagreement."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from polypref.models.heads import Head
from polypref.objectives.base import FROM_RATINGS, Objective
from polypref.objectives.judgments import Judgments


@dataclass(frozen=True, kw_only=True)
class MeanSquared(Objective):
    """ℓ = (utility − mean label)²; the utility is r, μ or Σ_k p_k·u_k.

    >>> import torch
    >>> from polypref import Group, Rating, objectives
    >>> from polypref.models.heads import make_head
    >>> group = Group("Why?", ("So.",), ratings=[Rating(0, 1), Rating(0, 3), Rating(0, 3)])
    >>> judgments = objectives.collate([objectives.group_judgments(group, (1, 2, 3))], [1])
    >>> head, states = make_head("distributional", labels=[1, 2, 3]), torch.tensor([[0.0, 0.0, 1.0]])
    >>> losses, weights = objectives.make_objective("mean-squared").losses(head, states, judgments)
    >>> print(f"{losses.item():.3f} {weights.item():.0f}")
    0.001 3
    """

    name = "mean-squared"
    title = "squared error of the mean rating"
    paper = "the baseline of arXiv 2402.09764"
    needs = ("utilities",)
    uses = "ratings"
    accepts = FROM_RATINGS

    def loss_of_each(self, head: Head, states: Tensor, judgments: Judgments) -> Tensor:
        return (head.utilities(states[judgments.rated]) - judgments.mean).square()


OBJECTIVES = (MeanSquared,)
