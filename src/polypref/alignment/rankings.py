"""Rankings of a group's responses by named people, and the regression of log-ratios that learns from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from polypref.alignment.regression import Regression
from polypref.errors import DataError, Undefined
from polypref.groups.model import Group
from polypref.groups.pairs import PairVotes, votes_by_annotator

NOBODY = -1  # stands where a group has fewer rankings, or a ranking fewer responses, than the largest
_BELOW = -1e9  # the worth of what is not in a ranking


@dataclass(frozen=True, eq=False)
class Rankings:
    """Who ranked which responses of G groups; a ranking of two is a comparison."""

    order: Tensor  # [G, n, m], responses from best to worst, then NOBODY
    person: Tensor  # [G, n], then NOBODY
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.order.ndim != 3 or self.person.shape != self.order.shape[:2]:
            raise DataError(
                f"expected orders [G, n, m] of persons [G, n], got {list(self.order.shape)} and "
                f"{list(self.person.shape)}"
            )

    @property
    def given(self) -> Tensor:
        """Where there is a ranking [G, n]."""
        return self.person >= 0

    def by_person(self, values: Tensor) -> Tensor:
        """Sums over everybody's rankings [..., people] of values [..., G, n]."""
        kept = values[..., self.given]
        return kept.new_zeros((*kept.shape[:-1], len(self.names))).index_add_(-1, self.person[self.given], kept)

    def of_persons(self, values: Tensor) -> Tensor:
        """Values [..., people] at everybody's rankings [..., G, n], 0 where there is none."""
        return values[..., self.person.clamp_min(0)] * self.given


@dataclass(frozen=True, kw_only=True)
class Ranked(Regression):
    """−Σ_v share_v·log Pr(ranking v): Plackett and Luce's, of utilities β x; with two responses it is DPO's loss.

    There is no log-ratio to be met, so `target` is zeros.
    """

    beta: float
    order: Tensor  # [..., n, m]
    share: Tensor  # [..., n], how much each ranking counts; 0 where there is none
    ridge: ClassVar[float] = 1e-6  # of a table's utilities, so that nothing that always wins runs away

    def achieved(self, log_policy: Tensor) -> Tensor:
        return log_policy - self.anchor

    def loss(self, log_policy: Tensor) -> Tensor:
        said = log_likelihood(self.beta * self.achieved(log_policy), self.order)
        return -(self.share * said).sum(-1)

    def solution(self) -> Tensor:
        """The fit of the table, by Newton steps shortened as in `Logistic`."""
        size = self.anchor.shape[-1]
        chosen = self.order.clamp_min(0)
        there = self.order >= 0
        place = torch.nn.functional.one_hot(chosen, size).to(self.anchor) * there.unsqueeze(-1)  # [..., n, m, R]
        left = place.flip(-2).cumsum(-2).flip(-2)  # what is still to be ranked at each place
        counts = self.share[..., None] * there  # [..., n, m]
        won = (counts.unsqueeze(-1) * place).sum((-3, -2))
        u = torch.zeros_like(won)
        for _ in range(200):
            at_stake = left * (u - u.amax(-1, True)).exp()[..., None, None, :]
            p = at_stake / at_stake.sum(-1, True).clamp_min(1e-300)
            often = counts.unsqueeze(-1) * p
            gradient = won - often.sum((-3, -2)) - self.ridge * u
            curve = torch.diag_embed(often.sum((-3, -2)) + self.ridge) - torch.einsum("...nmi,...nmj->...ij", often, p)
            step = torch.linalg.solve(curve, gradient)
            spread = step.amax(-1, True) - step.amin(-1, True)
            u = u + step * torch.where(spread > 0, torch.log1p(spread) / spread.clamp_min(1e-300), 1.0)
            if float(spread.max()) < 1e-9:
                break
        return torch.log_softmax(self.anchor + u / self.beta, -1)


def log_likelihood(worth: Tensor, order: Tensor) -> Tensor:
    """log Pr(ranking) [..., n] = Σ_t (u_t − log Σ_{s ≥ t} e^{u_s}) for utilities [..., R] and orders [..., n, m]."""
    shape = np.broadcast_shapes(worth.shape[:-1], order.shape[:-2])
    order = order.expand(*shape, *order.shape[-2:])
    along = worth[..., None, :].expand(*shape, order.shape[-2], worth.shape[-1])
    u = along.gather(-1, order.clamp_min(0)).masked_fill(order < 0, _BELOW)
    rest = u.flip(-1).logcumsumexp(-1).flip(-1)
    return (u - rest).masked_fill(order < 0, 0.0).sum(-1)


def read_rankings(groups: Sequence[Group]) -> Rankings:
    """The rankings of everybody named: of a person whose comparisons in a group put its responses in one order, that
    order; of anybody else every comparison by itself. Ties say nothing, and votes of nobody are left out."""
    number: dict[str, int] = {}
    found: list[list[tuple[int, list[int]]]] = []
    for group in groups:
        own = []
        for name, said in votes_by_annotator(group).items():
            if name is not None:
                own += [(number.setdefault(name, len(number)), order) for order in _orders(said, len(group))]
        found.append(own)
    if not any(found):
        raise Undefined("nobody who is named prefers a response to another, so there are no rankings to learn from")
    n = max(len(own) for own in found)
    m = max(len(order) for own in found for _, order in own)
    order = torch.full((len(found), n, m), NOBODY)
    person = torch.full((len(found), n), NOBODY)
    for g, own in enumerate(found):
        for v, (who, ranked) in enumerate(own):
            person[g, v] = who
            order[g, v, : len(ranked)] = torch.tensor(ranked)
    return Rankings(order, person, tuple(number))


def _orders(said: PairVotes, size: int) -> list[list[int]]:
    pairs = [(int(i), int(j), float(p)) for i, j, p in zip(said.first, said.second, said.share) if p != 0.5]
    turned = [[i, j] if p > 0.5 else [j, i] for i, j, p in pairs]
    above: npt.NDArray[np.bool_] = np.zeros((size, size), dtype=np.bool_)
    for best, worst in turned:
        above[best, worst] = True
    for k in range(size):  # Warshall's closure
        above |= above[:, [k]] & above[[k]]
    ranked = np.flatnonzero(above.any(axis=0) | above.any(axis=1))
    beaten = above[np.ix_(ranked, ranked)].sum(axis=1)
    whole = sorted(beaten.tolist()) == list(range(len(ranked)))  # of a circle, somebody would be above themselves
    return [ranked[np.argsort(-beaten)].tolist()] if whole and len(ranked) else turned
