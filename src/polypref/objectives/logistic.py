"""Cross-entropy of the observed share against the head's probability: Bradley–Terry, GPM, pair models."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid

from polypref.models.heads import Head
from polypref.objectives.base import FROM_COMPARISONS, Objective, ObjectiveError
from polypref.objectives.judgments import Judgments


@dataclass(frozen=True, kw_only=True)
class Logistic(Objective):
    """ℓ = −p·log σ(x) − (1 − p)·log σ(−x) with x = log-odds(first ≻ second) − margin · m and the observed share p.

    Of one hard vote with the scalar head: −log σ(r_chosen − r_rejected − m), the Bradley–Terry loss. With the general
    head: the loss of GPM (arXiv 2410.02197).

        >>> import torch
        >>> from polypref import Comparison, Group, objectives
        >>> from polypref.models.heads import make_head
        >>> group = Group("Why?", ("So.", "Because."), [Comparison(0, 1, p=0.8, weight=5)])
        >>> judgments = objectives.collate([objectives.group_judgments(group)], [2])
        >>> head, states = make_head("scalar"), torch.tensor([[1.0], [0.0]])
        >>> losses, weights = objectives.make_objective("logistic").losses(head, states, judgments)
        >>> print(f"{losses.item():.3f} {weights.item():.0f}")
        0.513 5
    """

    name = "logistic"
    title = "cross-entropy of the share of votes"
    paper = "Bradley & Terry 1952; arXiv 2410.02197"
    needs = ("scores",)
    uses = "comparisons"
    accepts = FROM_COMPARISONS

    margin: float = 0.0  # what a stated margin of 1 takes off the log-odds; 0 leaves margins out
    label_smoothing: float = 0.0  # chance that a vote was meant the other way: p becomes (1 − ε)·p + ε·(1 − p)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.margin < 0:
            raise ObjectiveError(f"margin is {self.margin}; it is a factor of the stated margins, from 0")
        if not 0 <= self.label_smoothing < 0.5:
            raise ObjectiveError(f"label_smoothing is {self.label_smoothing}; it is a chance from 0 to below 0.5")

    def loss_of_each(self, head: Head, states: Tensor, judgments: Judgments) -> Tensor:
        log_odds = judgments.log_odds(head, states) - self.margin * judgments.margin
        share = judgments.share + self.label_smoothing * (1 - 2 * judgments.share)
        return share_cross_entropy(log_odds, share)


def share_cross_entropy(log_odds: Tensor, share: Tensor) -> Tensor:
    """−p·log σ(x) − (1 − p)·log σ(−x), without cancellation for large x: `[n]`, `[n]` → `[n]`."""
    return -share * logsigmoid(log_odds) - (1 - share) * logsigmoid(-log_odds)


OBJECTIVES = (Logistic,)
