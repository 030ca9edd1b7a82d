"""Distributional preference learning: heads with a spread, from comparisons alone."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from polypref.models.heads import Head, heads_saying
from polypref.objectives.base import FROM_COMPARISONS, Objective, ObjectiveError
from polypref.objectives.judgments import Judgments
from polypref.objectives.logistic import share_cross_entropy

_TINY = 1e-30  # below which a label counts as out of use


@dataclass(frozen=True, kw_only=True)
class Dpl(Objective):
    """ℓ = −p·log P(first ≻ second) − (1 − p)·log P(second ≻ first) (Siththaranjan et al. 2023, arXiv 2312.08358).

    Their two regularisers, which are part of the training loss only: `variance_penalty`·(σ_i² + σ_j²) for a gaussian
    head, and for a distributional head −`entropy`·H(mean of the distributions of the responses compared in the group),
    which keeps all labels in use; theirs is the mean over the batch, which would make a loss depend on what it is
    batched with. P is exact here: their code puts σ(√(2π)·x) for Φ(x).

        >>> import torch
        >>> from polypref import Comparison, Group, objectives
        >>> from polypref.models.heads import make_head
        >>> group = Group("Why?", ("So.", "Because."), [Comparison(0, 1, p=0.8, weight=5)])
        >>> judgments = objectives.collate([objectives.group_judgments(group)], [2])
        >>> head, states = make_head("gaussian"), torch.tensor([[1.0, 0.0], [0.0, 0.0]])
        >>> losses, weights = objectives.make_objective("dpl").losses(head, states, judgments)
        >>> print(f"{losses.item():.3f} {weights.item():.0f}")
        0.508 5
    """

    name = "dpl"
    title = "likelihood of the votes when utilities differ"
    paper = "arXiv 2312.08358"
    needs = ("spread", "opinions")
    uses = "comparisons"
    accepts = FROM_COMPARISONS

    variance_penalty: float = 0.0
    entropy: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value in (("variance_penalty", self.variance_penalty), ("entropy", self.entropy)):
            if value < 0:
                raise ObjectiveError(f"{name} is {value}; it is a factor from 0")

    @property
    def spans_groups(self) -> bool:
        return self.entropy > 0

    def check(self, head: Head) -> None:
        super().check(head)
        if self.variance_penalty and "spread" not in head.says:
            fitting = " or ".join(heads_saying("spread"))
            raise ObjectiveError(f"variance_penalty is for a {fitting} head; with a {head.name} head use entropy")
        if self.entropy and "opinions" not in head.says:
            fitting = " or ".join(heads_saying("opinions"))
            raise ObjectiveError(f"entropy is for a {fitting} head; with a {head.name} head use variance_penalty")

    def loss_of_each(self, head: Head, states: Tensor, judgments: Judgments) -> Tensor:
        losses = share_cross_entropy(judgments.log_odds(head, states), judgments.share)
        if self.variance_penalty:
            variance = head.spread(states).square()
            losses = losses + self.variance_penalty * (variance[judgments.first] + variance[judgments.second])
        if self.entropy:
            p = head.distributions(states)
            compared = p[judgments.first] + p[judgments.second]  # [n, d]
            sums = compared.new_zeros(judgments.groups, p.shape[-1]).index_add(0, judgments.pair_group, compared)
            mean = sums / sums.sum(-1, keepdim=True).clamp(min=1.0)  # [groups, d]
            losses = losses + self.entropy * (mean * mean.clamp(min=_TINY).log()).sum(-1)[judgments.pair_group]
        return losses


OBJECTIVES = (Dpl,)
