"""Pairs of responses that people may be asked about, and what is known of them so far, on cached features."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polypref.choice.linear_utility import LinearUtility, fit_linear_utility
from polypref.errors import PolyprefError
from polypref.groups.model import Group
from polypref.groups.pairs import pair_votes

Floats = NDArray[np.floating]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Pairs:
    """m pairs of responses, each within a group."""

    group: Indices  # [m], which of the groups
    i: Indices  # [m], places in the group; i < j
    j: Indices
    first: Indices  # [m], rows of the features
    second: Indices

    def __len__(self) -> int:
        return len(self.i)


@dataclass(frozen=True, eq=False)
class Pool:
    """Pairs that nobody has judged, beside those that somebody has."""

    features: Floats  # [N, d] of all responses of all groups, in order
    starts: Indices  # [groups + 1], rows of the features at which each group starts, and where they end
    open: Pairs
    judged: Pairs
    shares: NDArray[np.float64]  # of the votes on the judged pairs, that preferred i
    votes: NDArray[np.float64]

    def differences(self, pairs: Pairs) -> Floats:
        """f(y_i) − f(y_j) [m, d]."""
        return self.features[pairs.first] - self.features[pairs.second]

    def fit(self, ridge: float) -> LinearUtility:
        """What the votes so far say of the features."""
        return fit_linear_utility(self.differences(self.judged), self.shares, self.votes, ridge=ridge)


def make_pool(groups: Sequence[Group], features: Sequence[Floats]) -> Pool:
    """All pairs within the groups, with the features [K, d] of each group's responses."""
    for at, (group, of_group) in enumerate(zip(groups, features)):
        if of_group.ndim != 2 or len(of_group) != len(group):
            raise PolyprefError(
                f"group {at} has {len(group)} responses and features of shape {of_group.shape}; expected one row each"
            )
    if len(groups) != len(features) or not groups:
        raise PolyprefError(
            f"{len(groups)} groups with features of {len(features)}; expected as many, and at least one"
        )
    starts = np.cumsum([0, *(len(group) for group in groups)])
    votes = [pair_votes(group) for group in groups]
    judged = [(at, i, j) for at, said in enumerate(votes) for i, j in zip(said.first.tolist(), said.second.tolist())]
    left = [(at, i, j) for at, group in enumerate(groups) for i, j in open_pairs(group)]
    return Pool(
        features=np.concatenate(list(features)),
        starts=starts,
        open=_pairs(left, starts),
        judged=_pairs(judged, starts),
        shares=np.concatenate([said.share for said in votes]),
        votes=np.concatenate([said.votes for said in votes]),
    )


def open_pairs(group: Group) -> Iterator[tuple[int, int]]:
    """The pairs (i, j), i < j, of different responses of a group that nobody has judged, in ascending order."""
    judged = {(min(c.i, c.j), max(c.i, c.j)) for c in group.comparisons}
    texts = group.responses
    pairs = itertools.combinations(range(len(group)), 2)
    return ((i, j) for i, j in pairs if (i, j) not in judged and texts[i] != texts[j])


def _pairs(rows: Sequence[tuple[int, int, int]], starts: NDArray[np.integer]) -> Pairs:
    group, i, j = np.array(rows, dtype=np.intp).reshape(-1, 3).T
    return Pairs(group, i, j, starts[group] + i, starts[group] + j)
