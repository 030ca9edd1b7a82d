"""SePPO from winners alone: an earlier policy's samples take the place of losers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from polypref.alignment.methods.base import Look, Method, MethodError
from polypref.alignment.regression import Logistic


@dataclass(frozen=True, kw_only=True)
class SePPO(Method):
    """−log σ(β(x_w − x_k)), x = log π_θ − log π_k; w is a winner, k a sample of one of the last `past` policies.

    With winners of distribution q one step leads to ∝ π_k (q/π_k)^(1/β), so with β = 1 to q at once, and for β > ½ in
    the end: what fine-tuning on the winners has as its optimum. Of several earlier policies samples are of their
    mixture, and log π_k is their mean. Winners are those of two samples of the reference. Every sample counts as a
    loser; the paper's criterion by which some count as winners is left out, for its loss is no function of differences.
    """

    name = "seppo"
    title = "semi-policy preference optimisation, winners only"
    paper = "2410.05255"
    anchor = "one of the last policies"
    target = "winner or sample, by cross-entropy"
    game = "log-odds"
    goal = "winners"
    last_iterate = True
    samples = "reference"

    beta: float = 1.0
    past: int = 1  # how many of the last policies samples may be of

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.past < 1:
            raise MethodError(f"expected past to be at least 1, got {self.past}")

    @property
    def remembers(self) -> int:
        return self.past

    def opponents(self, past: int) -> tuple[float, ...]:
        held = min(self.past, past)
        return (1 / held,) * held + (0.0,) * (past - held)

    def regression(self, look: Look) -> Logistic:
        met = winners(look.weight, self.shares(look)).unsqueeze(-1) * look.opponents  # [..., K, K], i won and j was met
        both = met + met.transpose(-1, -2)
        return Logistic(
            anchor=torch.stack(look.history).mean(0),
            target=met / both.clamp_min(torch.finfo(both.dtype).tiny),
            weight=look.weight,
            beta=self.beta,
            pairs=both / (look.weight.unsqueeze(-1) * look.weight.unsqueeze(-2)),
        )


def winners(weight: Tensor, shares: Tensor) -> Tensor:
    """How often each response [..., K] is the winner of two that are drawn with weights [..., K]."""
    return 2 * weight * (shares * weight.unsqueeze(-2)).sum(-1)


METHODS = (SePPO,)
