"""Votes of named people as arrays on cached states: who preferred which response to which, in the order of persons."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from polypref.errors import DataError, Undefined
from polypref.groups.model import Group
from polypref.groups.pairs import votes_by_annotator
from polypref.groups.splitting import prompt_key

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.floating[Any]]

NOBODY = "nobody is named: telling people apart needs comparisons with an annotator each"
ROWS = 2**16  # votes whose differences are formed at a time: memory stays that of the states and the votes' numbers


class SpellingWarning(UserWarning):
    """Two names that differ in case or blanks alone, and are probably one person's."""


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """n votes of `people` persons on pairs of the S responses whose states are kept; votes of a person lie together."""

    states: Numbers  # [S, f]
    first: Ints  # [n], a row of the states
    second: Ints  # [n]
    share: Floats  # [n], of this person's votes on the pair, that preferred `first`; ½ is a tie
    weight: Floats  # [n], how often the person voted on the pair
    person: Ints  # [n], ascending
    prompt: Ints  # [n], what belongs together when resampling
    names: tuple[str, ...]  # [people]

    def __len__(self) -> int:
        return len(self.share)

    @property
    def people(self) -> int:
        """How many persons there are, those without votes included."""
        return len(self.names)

    @property
    def starts(self) -> Ints:
        """Where each person's votes begin, and where the last one's end [people + 1]."""
        return np.searchsorted(self.person, np.arange(self.people + 1)).astype(np.int64)

    def difference(self, rows: slice) -> Floats:
        """ψ(first) − ψ(second) of some votes [rows, f]."""
        return (self.states[self.first[rows]] - self.states[self.second[rows]]).astype(np.float64)

    def projected(self, directions: Floats) -> Floats:
        """Differences along directions [f, r] in [n, r], by way of the S states."""
        along = self.states @ directions
        return along[self.first] - along[self.second]

    def chunks(self) -> Iterator[slice]:
        """Slices of the votes, each small enough to form its differences."""
        return (slice(at, min(at + ROWS, len(self))) for at in range(0, len(self), ROWS))

    def where(self, kept: npt.NDArray[np.bool_]) -> Votes:
        """Some of the votes, of the same persons on the same states."""
        columns = ("first", "second", "share", "weight", "person", "prompt")
        return replace(self, **{name: getattr(self, name)[kept] for name in columns})

    def of(self, name: str) -> Votes:
        """The votes of one person."""
        if name not in self.names:
            raise DataError(f"nobody is called {name!r} here: there are {self.people:,} persons")
        at = self.names.index(name)
        kept = self.person == at
        return replace(self.where(kept), person=np.zeros(int(kept.sum()), np.int64), names=(name,))

    def halves(self, share: float, seed: int) -> tuple[Votes, Votes]:
        """The votes in two parts, the second with about `share` of what each person said, whole prompts together."""
        _, unit = np.unique(np.stack([self.person, self.prompt]), axis=1, return_inverse=True)
        held = np.random.default_rng(seed).random(int(unit.max(initial=-1)) + 1) < share
        return self.where(~held[unit.ravel()]), self.where(held[unit.ravel()])


def votes_of(
    states: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    person: npt.ArrayLike,
    *,
    share: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    prompt: npt.ArrayLike | None = None,
    names: Sequence[str] | None = None,
) -> Votes:
    """Votes from arrays [n] on states [S, f]; without shares they prefer `first`, without prompts each stands alone.

    `person` are numbers from 0 below the number of names, or below one more than the largest where none are given.
    """
    known = np.asarray(states)
    if known.ndim != 2 or known.dtype.kind != "f" or not np.isfinite(known).all():
        raise DataError(f"expected states [S, f] of finite numbers, got {known.dtype} of shape {known.shape}")
    who = np.asarray(person, dtype=np.int64)
    n = len(who)
    people = len(names) if names is not None else int(who.max(initial=-1)) + 1
    left, right = np.asarray(first, dtype=np.int64), np.asarray(second, dtype=np.int64)
    said = np.ones(n) if share is None else np.asarray(share, dtype=np.float64)
    times = np.ones(n) if weight is None else np.asarray(weight, dtype=np.float64)
    shown = np.arange(n) if prompt is None else np.asarray(prompt, dtype=np.int64)
    for name, column in (("first", left), ("second", right), ("share", said), ("weight", times), ("prompt", shown)):
        if column.shape != (n,):
            raise DataError(f"expected {n} entries, one per vote, got the shape {column.shape}", field=name)
    for name, column, limit in (("first", left, len(known)), ("second", right, len(known)), ("person", who, people)):
        if n and (column.min() < 0 or column.max() >= limit):
            raise DataError(f"expected numbers from 0 to {limit - 1}, got {column.min()} to {column.max()}", field=name)
    if not ((said >= 0) & (said <= 1)).all():
        raise DataError("expected shares from 0 to 1", field="share")
    if not ((times > 0) & np.isfinite(times)).all():
        raise DataError("expected positive numbers of votes", field="weight")
    order = np.argsort(who, kind="stable")
    return Votes(
        known,
        first=left[order],
        second=right[order],
        share=said[order],
        weight=times[order],
        person=who[order],
        prompt=shown[order],
        names=tuple(map(str, range(people))) if names is None else tuple(names),
    )


def read_votes(groups: Iterable[tuple[Group, Numbers]], *, names: Sequence[str] = ()) -> Votes:
    """The votes of everybody named in groups, each with the states [K, f] of its responses.

    Persons are numbered in order of appearance, after those already in `names`. Votes without a name belong to nobody
    and are left out. Names that differ in case or blanks alone are told with a `SpellingWarning`, and kept apart.
    """
    number = {name: at for at, name in enumerate(names)}
    prompts: dict[object, int] = {}
    states: list[Numbers] = []
    columns: list[tuple[Ints, Ints, Floats, Floats, Ints, Ints]] = []
    begin = 0
    for group, rows in groups:
        if len(rows) != len(group):
            raise DataError(f"expected the states of {len(group)} responses, got {len(rows)}", field="states")
        prompt = prompts.setdefault(prompt_key(group), len(prompts))
        for name, said in votes_by_annotator(group).items():
            if name is None:
                continue
            same = np.ones(len(said), np.int64)
            who = number.setdefault(name, len(number))
            columns.append((said.first + begin, said.second + begin, said.share, said.votes, who * same, prompt * same))
        states.append(rows)
        begin += len(group)
    if not columns:
        raise Undefined(NOBODY)
    _tell_spellings(number)
    first, second, share, weight, person, prompt_of = (np.concatenate(part) for part in zip(*columns, strict=True))
    return votes_of(
        np.concatenate(states),
        *(first, second, person),
        share=share,
        weight=weight,
        prompt=prompt_of,
        names=tuple(number),
    )


def _tell_spellings(names: Iterable[str]) -> None:
    spelled: dict[str, str] = {}
    for name in names:
        other = spelled.setdefault(" ".join(name.split()).casefold(), name)
        if other != name:
            warnings.warn(
                f"{other!r} and {name!r} are taken for two persons: spell them alike if they are one",
                SpellingWarning,
                stacklevel=3,
            )
