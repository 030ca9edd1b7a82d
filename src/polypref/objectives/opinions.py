"""Scores of the predicted opinion that are smallest, on average, at the opinion of the whole crowd (proper scores)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from polypref.models.heads import Head
from polypref.objectives.base import FROM_RATINGS, Objective, ObjectiveError
from polypref.objectives.judgments import Judgments


@dataclass(frozen=True, kw_only=True)
class CrossEntropy(Objective):
    """ℓ = −Σ_k p_k log p̂_k for the opinion p of the crowd and the predicted p̂: blind to how far apart labels are.

    >>> import torch
    >>> from polypref import Group, Rating, objectives
    >>> from polypref.models.heads import make_head
    >>> group = Group("Why?", ("So.",), ratings=[Rating(0, 1), Rating(0, 3), Rating(0, 3)])
    >>> judgments = objectives.collate([objectives.group_judgments(group, (1, 2, 3))], [1])
    >>> head, states = make_head("distributional", labels=[1, 2, 3]), torch.tensor([[0.0, 0.0, 1.0]])
    >>> losses, weights = objectives.make_objective("cross-entropy").losses(head, states, judgments)
    >>> print(f"{losses.item():.3f} {weights.item():.0f}")
    0.885 3
    """

    name = "cross-entropy"
    title = "cross-entropy of the distribution of ratings"
    paper = "the baseline of arXiv 2402.09764"
    needs = ("opinions",)
    uses = "ratings"
    accepts = FROM_RATINGS

    def loss_of_each(self, head: Head, states: Tensor, judgments: Judgments) -> Tensor:
        return -(judgments.opinion * predicted(head, states, judgments)).sum(-1)


@dataclass(frozen=True, kw_only=True)
class Kl(Objective):
    """ℓ = KL(p ‖ p̂) = Σ_k p_k (log p_k − log p̂_k): the gradient of cross-entropy, and 0 where p̂ = p.

    >>> import torch
    >>> from polypref import Group, Rating, objectives
    >>> from polypref.models.heads import make_head
    >>> group = Group("Why?", ("So.",), ratings=[Rating(0, 1), Rating(0, 3), Rating(0, 3)])
    >>> judgments = objectives.collate([objectives.group_judgments(group, (1, 2, 3))], [1])
    >>> head, states = make_head("distributional", labels=[1, 2, 3]), torch.tensor([[0.0, 0.0, 1.0]])
    >>> losses, weights = objectives.make_objective("kl").losses(head, states, judgments)
    >>> print(f"{losses.item():.3f} {weights.item():.0f}")
    0.248 3
    """

    name = "kl"
    title = "Kullback–Leibler divergence of the distribution of ratings"
    paper = "Kullback & Leibler 1951"
    needs = ("opinions",)
    uses = "ratings"
    accepts = FROM_RATINGS

    def loss_of_each(self, head: Head, states: Tensor, judgments: Judgments) -> Tensor:
        p = judgments.opinion
        return (torch.xlogy(p, p) - p * predicted(head, states, judgments)).sum(-1)


@dataclass(frozen=True, kw_only=True)
class RankedProbability(Objective):
    """ℓ = Σ_k (P̂_k − P_k)²·(u_{k+1} − u_k) with the CDFs of prediction and opinion: knows how far apart labels are.

    Of optimal transport's closed form Σ_k |P̂_k − P_k|·(u_{k+1} − u_k) it squares each difference. An average of
    squares is least at the mean of the opinions, an average of absolute values at their median: of a label that one
    person in ten gives, most samples of five ratings have none, and transport learns that nobody gives it.

        >>> import torch
        >>> from polypref import Group, Rating, objectives
        >>> from polypref.models.heads import make_head
        >>> group = Group("Why?", ("So.",), ratings=[Rating(0, 1), Rating(0, 3), Rating(0, 3)])
        >>> judgments = objectives.collate([objectives.group_judgments(group, (1, 2, 3))], [1])
        >>> head, states = make_head("distributional", labels=[1, 2, 3]), torch.tensor([[0.0, 0.0, 1.0]])
        >>> losses, weights = objectives.make_objective("ranked-probability").losses(head, states, judgments)
        >>> print(f"{losses.item():.3f} {weights.item():.0f}")
        0.023 3
    """

    name = "ranked-probability"
    title = "ranked probability score of the distribution of ratings"
    paper = "Epstein 1969"
    needs = ("opinions",)
    uses = "ratings"
    accepts = FROM_RATINGS

    def loss_of_each(self, head: Head, states: Tensor, judgments: Judgments) -> Tensor:
        p = predicted(head, states, judgments).exp()
        assert head.labels is not None
        steps = p.new_tensor(head.labels).diff()
        return ((p - judgments.opinion).cumsum(-1)[:, :-1].square() * steps).sum(-1)


def predicted(head: Head, states: Tensor, judgments: Judgments) -> Tensor:
    """log p̂ of the rated responses, `[m, d]`."""
    if head.labels is None:
        raise ObjectiveError(f"a {head.name} head predicts no distribution of ratings; train a distributional head")
    if judgments.opinion.shape[-1] != len(head.labels):
        raise ObjectiveError(
            f"the judgments count {judgments.opinion.shape[-1]} labels and the head has {len(head.labels)}: "
            "prepare the judgments with the labels of the head"
        )
    return head.log_distributions(states[judgments.rated])


OBJECTIVES = (CrossEntropy, Kl, RankedProbability)
