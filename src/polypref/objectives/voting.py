"""Surrogates whose optima are the scores of voting rules: Borda and Copeland."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from torch import Tensor

from polypref.models.heads import Head
from polypref.objectives.base import FROM_COMPARISONS, Objective, ObjectiveError
from polypref.objectives.judgments import Judgments


@dataclass(frozen=True, kw_only=True)
class _Voting(Objective):
    """Least squares on what a rule makes of the votes on a pair; a pair counts once, however many votes it has."""

    needs = ("preferences",)
    uses = "comparisons"
    accepts = FROM_COMPARISONS

    scale: float = 1.0  # log-odds that a unanimous pair is fitted to

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.scale < float("inf"):
            raise ObjectiveError(f"scale is {self.scale}; it is a number of log-odds above 0")

    @abstractmethod
    def score(self, lead: Tensor) -> Tensor:
        """What the rule makes of the lead 2p − 1 of `first` in the votes, from −1 to 1: `[n]` → `[n]`."""

    def loss_of_each(self, head: Head, states: Tensor, judgments: Judgments) -> Tensor:
        target = self.scale * self.score(2 * judgments.share - 1)
        return (judgments.log_odds(head, states) - target).square() / judgments.weight


@dataclass(frozen=True, kw_only=True)
class Borda(_Voting):
    """ℓ = (x − s·(2p − 1))²/w of the share p of w votes and the `scale` s.

    Where all K responses are compared, utilities at the optimum are s·Σ_j (2p_ij − 1)/K: in Borda's order, which
    likelihoods find only where every pair has as many votes (differential voting, arXiv 2601.18824).

        >>> import torch
        >>> from polypref import Comparison, Group, objectives
        >>> from polypref.models.heads import make_head
        >>> group = Group("Why?", ("So.", "Because."), [Comparison(0, 1, p=0.8, weight=5)])
        >>> judgments = objectives.collate([objectives.group_judgments(group)], [2])
        >>> head, states = make_head("scalar"), torch.tensor([[1.0], [0.0]])
        >>> losses, weights = objectives.make_objective("borda").losses(head, states, judgments)
        >>> print(f"{losses.item():.3f} {weights.item():.0f}")
        0.032 5
    """

    name = "borda"
    title = "Borda scores, by least squares on the shares"
    paper = "arXiv 2601.18824"

    def score(self, lead: Tensor) -> Tensor:
        return lead


@dataclass(frozen=True, kw_only=True)
class Copeland(_Voting):
    """ℓ = (x − s·sign(2p − 1))²/w of the share p of w votes and the `scale` s.

    Where all K responses are compared, utilities at the optimum are s·(wins − defeats)/K by majorities: in Copeland's
    order (differential voting, arXiv 2601.18824). It needs several votes on a pair to know its majority.

        >>> import torch
        >>> from polypref import Comparison, Group, objectives
        >>> from polypref.models.heads import make_head
        >>> group = Group("Why?", ("So.", "Because."), [Comparison(0, 1, p=0.8, weight=5)])
        >>> judgments = objectives.collate([objectives.group_judgments(group)], [2])
        >>> head, states = make_head("scalar"), torch.tensor([[0.5], [0.0]])
        >>> losses, weights = objectives.make_objective("copeland").losses(head, states, judgments)
        >>> print(f"{losses.item():.3f} {weights.item():.0f}")
        0.050 5
    """

    name = "copeland"
    title = "Copeland scores, by least squares on the majorities"
    paper = "arXiv 2601.18824"

    def score(self, lead: Tensor) -> Tensor:
        return lead.sign()


OBJECTIVES = (Borda, Copeland)
