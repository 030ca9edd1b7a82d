"""The sign estimator: how many votes are predicted wrongly, for the mean utility of people who differ."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from polypref.models.heads import Head
from polypref.objectives.base import FROM_COMPARISONS, Objective, ObjectiveError
from polypref.objectives.judgments import Judgments


@dataclass(frozen=True, kw_only=True)
class Sign(Objective):
    """ℓ = p·σ(−x/τ) + (1 − p)·σ(x/τ), the share of wrong votes, smoothed over log-odds of about the `width` τ.

    Where utilities differ between people, cross-entropy leans towards whoever is sure of theirs; who is in the majority
    depends on the sign of the mean utility alone if differences from it are symmetric, and so does the classification
    loss, to which this tends for τ → 0 (arXiv 2510.23965). It says nothing of how sure to be, and hardly moves what is
    far on the wrong side: begin with a model that was trained for cross-entropy, and calibrate.

        >>> import torch
        >>> from polypref import Comparison, Group, objectives
        >>> from polypref.models.heads import make_head
        >>> group = Group("Why?", ("So.", "Because."), [Comparison(0, 1, p=0.8, weight=5)])
        >>> judgments = objectives.collate([objectives.group_judgments(group)], [2])
        >>> head, states = make_head("scalar"), torch.tensor([[5.0], [0.0]])
        >>> losses, weights = objectives.make_objective("sign").losses(head, states, judgments)
        >>> print(f"{losses.item():.3f} {weights.item():.0f}")
        0.204 5
    """

    name = "sign"
    title = "share of votes on the other side"
    paper = "arXiv 2510.23965"
    needs = ("preferences",)
    uses = "comparisons"
    accepts = FROM_COMPARISONS

    width: float = 1.0  # τ, in log-odds

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.width < float("inf"):
            raise ObjectiveError(f"width is {self.width}; it is a number of log-odds above 0")

    def loss_of_each(self, head: Head, states: Tensor, judgments: Judgments) -> Tensor:
        x = judgments.log_odds(head, states) / self.width
        return judgments.share * (-x).sigmoid() + (1 - judgments.share) * x.sigmoid()


OBJECTIVES = (Sign,)
