"""Judgments as arrays: what people said about one group (NumPy), and about a batch of groups (torch)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from polypref.crowd import Dirichlet, label_counts, smooth_towards_next
from polypref.errors import DataError
from polypref.groups.deriving import is_ranked
from polypref.groups.model import Group, shown
from polypref.groups.pairs import PairVotes, pair_votes, votes_by_annotator

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from polypref.models.heads import Head

Uses = Literal["comparisons", "ratings"]
Weigh = Literal["votes", "groups"]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class GroupJudgments:
    """What people said about the responses of one group: n pairs compared and m responses rated."""

    first: Ints  # [n], index of a response; first < second, and no pair occurs twice
    second: Ints  # [n]
    share: Floats  # [n], of the votes, that preferred `first`
    weight: Floats  # [n], number of votes
    margin: Floats  # [n], how much better `first` is, negative if worse, 0 where nobody said
    rated: Ints  # [m], index of a response, ascending
    opinion: Floats  # [m, d], the crowd's distribution over the labels
    mean: Floats  # [m], mean label
    voters: Floats  # [m], number of votes
    person: Ints | None = None  # [n], whose votes, −1 for nobody known; None where all votes on a pair are one


def group_judgments(
    group: Group,
    labels: Sequence[float] | None = None,
    prior: float = 0.0,
    smoothing: float = 0.0,
    persons: Mapping[str, int] | None = None,
) -> GroupJudgments:
    """The judgments of one group, pooled over annotators and criteria: one target per pair and per rated response.

    Comparisons of the same two responses are merged: votes add up, the share is the mean weighted by votes, and so is
    the margin over those that state one (it says how much better the preferred response is). Ties of equal scores are
    left out, as in the ranking loss of scored data: nobody stated them.
    The opinion of a response is its shares of votes for `labels`, the values a rating may have, lowest first: with
    `prior` more votes for every label (the mean of a Dirichlet posterior), and with the mass `smoothing` moved to the
    next most likely label where an opinion is near-certain (see `crowd`). Without labels there is no opinion (d = 0),
    and ratings with a name, which have no mean, are left out.
    With the numbers of `persons`, comparisons are pooled for each of them, and for all others together.
    """
    rated, opinion, mean, voters = _pooled_ratings(group, labels, prior, smoothing)
    if persons is not None:
        return _by_person(group, persons, rated, opinion, mean, voters)
    said = pair_votes(group, is_ranked)
    return GroupJudgments(said.first, said.second, said.share, said.votes, said.margin, rated, opinion, mean, voters)


def _by_person(
    group: Group, persons: Mapping[str, int], rated: Ints, opinion: Floats, mean: Floats, voters: Floats
) -> GroupJudgments:
    said = votes_by_annotator(group, is_ranked)
    numbers = [-1 if name is None else persons.get(name, -1) for name in said]
    parts = list(said.values()) or [pair_votes(group, is_ranked)]  # of nobody: no pairs

    def joined(read: Callable[[PairVotes], NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate([read(part) for part in parts])

    return GroupJudgments(
        first=joined(lambda part: part.first),
        second=joined(lambda part: part.second),
        share=joined(lambda part: part.share),
        weight=joined(lambda part: part.votes),
        margin=joined(lambda part: part.margin),
        rated=rated,
        opinion=opinion,
        mean=mean,
        voters=voters,
        person=np.repeat(np.array(numbers, dtype=np.int64), [len(part) for part in said.values()]),
    )


def persons_of(groups: Iterable[Group]) -> tuple[str, ...]:
    """The names of all who compared responses, in alphabetical order."""
    return tuple(sorted({c.annotator for group in groups for c in group.comparisons if c.annotator is not None}))


def labels_of(groups: Iterable[Group]) -> tuple[float, ...]:
    """The values of all declared scales, and of the ratings of groups that declare none, lowest first."""
    seen: set[float] = set()
    for group in groups:
        for label in group.scale or [rating.label for rating in group.ratings]:
            if isinstance(label, str):
                raise _is_a_name(label, group)
            seen.add(float(label))
    return tuple(sorted(seen))


def _pooled_ratings(
    group: Group, labels: Sequence[float] | None, prior: float, smoothing: float
) -> tuple[Ints, Floats, Floats, Floats]:
    ratings = [r for r in group.ratings if labels is not None or not isinstance(r.label, str)]
    if not ratings:
        nobody = np.zeros(0)
        return np.zeros(0, dtype=np.int64), np.zeros((0, len(labels or ()))), nobody, nobody
    codes = np.array([_code(r.label, labels, group) for r in ratings], dtype=np.int64)
    values = np.array([r.label for r in ratings], dtype=np.float64)
    votes = np.array([r.weight for r in ratings], dtype=np.float64)
    rated, at = np.unique(np.array([r.i for r in ratings], dtype=np.int64), return_inverse=True)

    voters = _sums(at, votes, len(rated))
    mean = _sums(at, votes * values, len(rated)) / voters
    if labels is None:
        return rated, np.zeros((len(rated), 0)), mean, voters
    counts = label_counts(at, codes, votes, len(rated), len(labels))
    opinion = Dirichlet.uniform(len(labels), prior).update(counts).mean if prior else counts / voters[:, None]
    return rated, smooth_towards_next(opinion, smoothing) if smoothing else opinion, mean, voters


def _sums(at: Ints, values: Floats, n: int) -> Floats:
    """The sum of the values at each of n places, [n]."""
    return np.bincount(at, values, n).astype(np.float64)  # of no values, it is made of integers


def _code(label: float | str, labels: Sequence[float] | None, group: Group) -> int:
    """The place of a label among the labels, −1 without labels."""
    if labels is None:
        return -1
    if isinstance(label, str):
        raise _is_a_name(label, group)
    try:
        return labels.index(label)
    except ValueError:
        known = ", ".join(f"{value:g}" for value in labels)
        reason = f"{_named(group)} has a rating {shown(label)}, which is none of the labels {known}: give a head"
        raise DataError(f"{reason} with that label, or leave the rating out") from None


def _is_a_name(label: str, group: Group) -> DataError:
    return DataError(f"{_named(group)} has a label {shown(label)}, and names have no order: give the labels numbers")


def _named(group: Group) -> str:
    return f"group {group.id!r}" if group.id is not None else f"the group with the prompt {shown(group.prompt_text)}"


@dataclass(frozen=True, slots=True, eq=False)
class Judgments:
    """Judgments of a batch of groups. Indices count the rows of its states: all responses of all groups, in order.

    For a joint head the states have two rows per pair instead: of the c-th pair, row 2c is (first, second) and row
    2c + 1 is (second, first).
    """

    first: Tensor  # [n], row
    second: Tensor  # [n], row
    share: Tensor  # [n]
    weight: Tensor  # [n]
    margin: Tensor  # [n]
    pair_group: Tensor  # [n], number of the group in the batch
    rated: Tensor  # [m], row
    opinion: Tensor  # [m, d]
    mean: Tensor  # [m]
    voters: Tensor  # [m]
    rated_group: Tensor  # [m], number of the group in the batch
    groups: int
    joint: bool = False
    person: Tensor | None = None  # [n], number of the person whose votes they are, −1 for nobody known
    tastes: Tensor | None = None  # [n, tastes], the taste with which every pair is read; that of the head, if None

    def log_odds(self, head: Head, states: Tensor) -> Tensor:
        """The head's log-odds that `first` is preferred, for every pair: `[rows, state_width]` → `[n]`."""
        first, second = self.rows
        if self.tastes is not None:
            return head.personal_log_odds(states[first], states[second], self.tastes.to(states))
        return head.log_odds(states[first], states[second])

    @property
    def rows(self) -> tuple[Tensor, Tensor]:
        """The two rows of the states that every comparison reads, each `[n]`."""
        if not self.joint:
            return self.first, self.second
        pair = self.first.new_ones(len(self.first)).cumsum(0) - 1
        return 2 * pair, 2 * pair + 1

    def weights(self, uses: Uses, weigh: Weigh) -> Tensor:
        """What every pair, or rated response, counts: its votes, or its part of the votes of its group."""
        votes, group = (self.weight, self.pair_group) if uses == "comparisons" else (self.voters, self.rated_group)
        if weigh == "votes":
            return votes
        return votes / votes.new_zeros(self.groups).index_add(0, group, votes)[group]

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Judgments:
        """The same judgments on a device, with numbers of a type."""
        return Judgments(
            first=self.first.to(device),
            second=self.second.to(device),
            share=self.share.to(device, dtype),
            weight=self.weight.to(device, dtype),
            margin=self.margin.to(device, dtype),
            pair_group=self.pair_group.to(device),
            rated=self.rated.to(device),
            opinion=self.opinion.to(device, dtype),
            mean=self.mean.to(device, dtype),
            voters=self.voters.to(device, dtype),
            rated_group=self.rated_group.to(device),
            groups=self.groups,
            joint=self.joint,
            person=None if self.person is None else self.person.to(device),
            tastes=None if self.tastes is None else self.tastes.to(device, dtype),
        )


def collate(
    parts: Sequence[GroupJudgments], sizes: Sequence[int], joint: bool = False, dtype: torch.dtype | None = None
) -> Judgments:
    """One batch from the judgments of its groups, which have `sizes` responses; in single precision unless told.

    A micro-batch, or any other choice of groups, is the batch of just these groups.
    """
    import torch

    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    def rows(columns: Sequence[Ints]) -> Tensor:
        shifted = [column + start for column, start in zip(columns, starts)]
        return torch.from_numpy(np.concatenate([np.zeros(0, dtype=np.int64), *shifted]))

    def numbers(columns: Sequence[Floats]) -> Tensor:
        return torch.from_numpy(np.concatenate(columns) if columns else np.zeros(0)).to(dtype or torch.float32)

    def group(columns: Sequence[Ints]) -> Tensor:
        return torch.from_numpy(np.repeat(np.arange(len(columns)), [len(column) for column in columns]))

    persons = [part.person for part in parts if part.person is not None]
    return Judgments(
        first=rows([part.first for part in parts]),
        second=rows([part.second for part in parts]),
        share=numbers([part.share for part in parts]),
        weight=numbers([part.weight for part in parts]),
        margin=numbers([part.margin for part in parts]),
        pair_group=group([part.first for part in parts]),
        rated=rows([part.rated for part in parts]),
        opinion=numbers([part.opinion for part in parts]),
        mean=numbers([part.mean for part in parts]),
        voters=numbers([part.voters for part in parts]),
        rated_group=group([part.rated for part in parts]),
        groups=len(parts),
        joint=joint,
        person=torch.from_numpy(np.concatenate(persons)) if persons else None,
    )
