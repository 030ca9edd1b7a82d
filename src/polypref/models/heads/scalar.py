"""The scalar head: one reward per response, Bradley–Terry probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypref.models.heads.base import Head, HeadError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class ScalarHead(Head):
    """P(i ≻ j) = σ((r_i − r_j)/τ) (Bradley & Terry 1952). Expresses transitive preferences only.

    >>> import torch
    >>> from polypref.models.heads import make_head
    >>> P = make_head("scalar").preferences(torch.tensor([[2.0], [1.0]]))
    >>> print(f"{P[0, 1]:.3f}")
    0.731
    """

    name = "scalar"
    paper = "Bradley & Terry 1952"
    says = ("preferences", "scores", "utilities")
    objective = "logistic"

    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise HeadError(f"temperature is {self.temperature}; it must be above 0")

    @property
    def width(self) -> int:
        return 1

    @property
    def in_plain_torch(self) -> str:
        return f"""\
rewards = states[:, 0]
preferences = ((rewards[:, None] - rewards) / {self.temperature}).sigmoid()
"""

    def log_odds(self, a: Tensor, b: Tensor) -> Tensor:
        return (a[..., 0] - b[..., 0]) / self.temperature

    def utilities(self, states: Tensor) -> Tensor:
        return states[..., 0]


HEAD = ScalarHead
