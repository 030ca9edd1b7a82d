"""The pair head: reads two responses together, the quadratic baseline that shows what encoding once saves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypref.models.heads.base import Head, HeadError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class PairHead(Head):
    """One logit f(i, j) for an ordered pair, read off (x, y_i, y_j) (PairRM, arXiv 2306.02561; PairPM).

    Nothing makes f(i, j) = −f(j, i), so both orders are read: P(i ≻ j) = σ((f(i, j) − f(j, i))/2).

        >>> import torch
        >>> from polypref.models.heads import make_head
        >>> both = torch.tensor([[1.0], [-0.5]])  # the logits of (i, j) and of (j, i)
        >>> print(f"{make_head('pair').log_odds(both[0], both[1]).item():.2f}")
        0.75
    """

    name = "pair"
    paper = "arXiv 2306.02561"
    says = ("preferences", "scores")
    objective = "logistic"
    joint = True

    @property
    def width(self) -> int:
        return 1

    @property
    def in_plain_torch(self) -> str:
        return """\
logits = states[..., 0]  # of each response against each other
preferences = ((logits - logits.T) / 2).sigmoid()
"""

    def log_odds(self, a: Tensor, b: Tensor) -> Tensor:
        """Of the rows of (i, j) and of (j, i)."""
        return (a[..., 0] - b[..., 0]) / 2

    def utilities(self, states: Tensor) -> Tensor:
        raise HeadError("a pair head's rows are pairs of responses; a single one has no utility of its own")


HEAD = PairHead
