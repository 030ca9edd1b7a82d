"""Votes on pairs, added up: the lower-numbered response comes first, and votes on the same pair are pooled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from polypref.groups.model import Comparison, Group

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Turned(NamedTuple):
    """Comparisons with the lower-numbered response first; all are [C]."""

    first: Ints
    second: Ints
    share: Floats  # of the votes, that preferred `first`


class Pooled(NamedTuple):
    """Votes that name the same thing, added up; in ascending order of what they name."""

    at: Ints  # [n], the place of the first judgment of each
    code: Ints  # [C], which of the n each judgment belongs to
    share: Floats  # [n], mean weighted by votes
    votes: Floats  # [n]


@dataclass(frozen=True, slots=True, eq=False)
class PairVotes:
    """Votes on n pairs of one group's responses; no pair occurs twice, and all are [n]."""

    first: Ints  # index of a response; first < second
    second: Ints
    share: Floats  # of the votes, that preferred `first`
    votes: Floats
    margin: Floats  # how much better `first` is, negative if worse, 0 where nobody said

    def __len__(self) -> int:
        return len(self.share)


def turned(i: Ints, j: Ints, share: Floats) -> Turned:
    """The comparisons of i with j, each turned so that the lower number comes first."""
    return Turned(np.minimum(i, j), np.maximum(i, j), np.where(i < j, share, 1 - share))


def pooled(named: Ints, share: Floats, votes: Floats) -> Pooled:
    """Add up votes [C] on what `named` numbers; shares of the same thing must be turned the same way."""
    _, at, code = np.unique(named, return_index=True, return_inverse=True)
    total = np.bincount(code, votes, len(at)).astype(np.float64)
    return Pooled(at, code, np.bincount(code, votes * share, len(at)) / total, total)


def pair_votes(group: Group, counts: Callable[[Comparison], bool] | None = None) -> PairVotes:
    """All votes of a group, whoever gave them, or those that count."""
    return _votes(filter(counts, group.comparisons) if counts else group.comparisons, len(group))


def votes_by_annotator(group: Group, counts: Callable[[Comparison], bool] | None = None) -> dict[str | None, PairVotes]:
    """The votes of each annotator, all or those that count, in order of appearance; those without a name are None's."""
    parts: dict[str | None, list[Comparison]] = defaultdict(list)
    for c in filter(counts, group.comparisons) if counts else group.comparisons:
        parts[c.annotator].append(c)
    return {name: _votes(part, len(group)) for name, part in parts.items()}


def _votes(comparisons: Iterable[Comparison], size: int) -> PairVotes:
    said = tuple(comparisons)
    i = np.array([c.i for c in said], dtype=np.int64)
    j = np.array([c.j for c in said], dtype=np.int64)
    votes = np.array([c.weight for c in said], dtype=np.float64)
    stated = np.array([c.margin is not None for c in said], dtype=np.bool_)
    margins = np.array([c.margin or 0.0 for c in said], dtype=np.float64)

    first, second, share = turned(i, j, np.array([c.p for c in said], dtype=np.float64))
    at, code, mean, total = pooled(first * size + second, share, votes)
    asked = np.bincount(code, votes * stated, len(at))
    # a margin says how much better the preferred response is; a tie prefers none
    better = np.bincount(code, votes * margins * np.sign(share - 0.5), len(at)).astype(np.float64)
    margin = np.divide(better, asked, out=np.zeros_like(better), where=asked > 0)
    return PairVotes(first[at], second[at], mean, total, margin)
