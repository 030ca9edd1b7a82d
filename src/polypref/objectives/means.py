"""Squared error of the mean rating, the baseline that sees no disagreement."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from polypref.models.heads import Head
from polypref.objectives.base import FROM_RATINGS, Objective
from polypref.objectives.judgments import Judgments


@dataclass(frozen=True, kw_only=True)
class MeanSquared(Objective):
    """ℓ = (utility − mean label)²; the utility is r, μ or Σ_k p_k·u_k."""

    name = "mean-squared"
    title = "squared error of the mean rating"
    paper = "the baseline of arXiv 2402.09764"
    needs = ("utilities",)
    uses = "ratings"
    accepts = FROM_RATINGS

    def loss_of_each(self, head: Head, states: Tensor, judgments: Judgments) -> Tensor:
        return (head.utilities(states[judgments.rated]) - judgments.mean).square()


OBJECTIVES = (MeanSquared,)
