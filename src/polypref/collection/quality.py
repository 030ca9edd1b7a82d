"""What else is wrong with judgments: repeats, leaked prompts, biases for length and position, clicks at random."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from polypref.crowd.reliability import dawid_skene
from polypref.errors import Undefined
from polypref.groups.json_text import plain_fields
from polypref.groups.model import Group
from polypref.groups.splitting import prompt_key
from polypref.inspection.findings import Duplicates, LengthBias
from polypref.inspection.inspector import inspect_groups
from polypref.statistics.intervals import clustered_share

_ENOUGH = 20  # judgments below which nobody is said to click at random
_Z = 1.645  # one-sided, 5 %


class PositionBias(NamedTuple):
    """How often the response that stands first in the data is preferred, with its 95 % interval."""

    first_wins: float
    low: float
    high: float
    comparisons: int


class Clicker(NamedTuple):
    """An annotator whose labels agree with the others' no better than a coin's would."""

    annotator: str
    accuracy: float
    judgments: int


@dataclass(frozen=True)
class Quality:
    """What was found; what cannot be told is None, and `why` says why."""

    duplicates: Duplicates
    leaked: list[str] | None  # prompts that are also in other data; None: nothing to compare with
    length_bias: LengthBias | None
    position_bias: PositionBias | None
    at_random: list[Clicker] | None
    why: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """A JSON object."""
        named = {
            "position_bias": self.position_bias._asdict() if self.position_bias else None,
            "at_random": None if self.at_random is None else [one._asdict() for one in self.at_random],
        }
        return {**plain_fields(self), **named}


def check_quality(groups: Sequence[Group], against: Iterable[Group] | None = None, *, seed: int = 0) -> Quality:
    """Check judgments; `against` are groups whose prompts must not occur, such as those of a test set."""
    seen = inspect_groups(groups, seed=seed)
    why = {key: text for key, text in seen.why.items() if key == "length bias"}
    leaked = None if against is None else leaked_prompts(groups, against)
    found: dict[str, Any] = {}
    for name, compute in (("position bias", position_bias), ("clicks at random", clicks_at_random)):
        try:
            found[name] = compute(groups)
        except Undefined as error:
            found[name], why[name] = None, str(error)
    return Quality(seen.duplicates, leaked, seen.length_bias, found["position bias"], found["clicks at random"], why)


def leaked_prompts(groups: Iterable[Group], against: Iterable[Group]) -> list[str]:
    """The prompts that both have, without regard to case and spacing, each once."""
    known = {prompt_key(group) for group in against}
    return list({key: group.prompt_text for group in groups if (key := prompt_key(group)) in known}.values())


def position_bias(groups: Iterable[Group]) -> PositionBias:
    """Over decided comparisons; undefined where the order of the responses is made from the label."""
    first, votes, prompt = [], [], []
    numbers: dict[str, int] = {}
    for group in groups:
        number = numbers.setdefault(prompt_key(group), len(numbers))
        for c in group.comparisons:
            if c.p != 0.5:
                first.append(c.p if c.i < c.j else 1 - c.p)
                votes.append(c.weight)
                prompt.append(number)
    if not first:
        raise Undefined("no comparison is decided")
    share = np.array(first, dtype=np.float64)
    if len(share) > 1 and len(set(first)) == 1 and first[0] in (0.0, 1.0):
        place = "first" if first[0] else "last"
        raise Undefined(f"the preferred response stands {place} in every comparison: the order was made from the label")
    weights = np.array(votes, dtype=np.float64)
    return PositionBias(*clustered_share(share * weights, weights, np.array(prompt, dtype=np.int64)), len(share))


def clicks_at_random(groups: Sequence[Group]) -> list[Clicker]:
    """Annotators with 20 judgments or more whose estimated accuracy (Dawid and Skene) is not above a coin's.

    One truth per pair is assumed; somebody of a rare taste can look so too, and `polypref inspect` tells camps apart.
    """
    items, names, labels = [], [], []
    for at, group in enumerate(groups):
        for c in group.comparisons:
            if c.annotator is not None and c.p != 0.5:
                items.append(f"{at} {min(c.i, c.j)} {max(c.i, c.j)}")
                names.append(c.annotator)
                labels.append(int((c.p > 0.5) == (c.i < c.j)))
    people, count = np.unique(names, return_counts=True)
    if len(people) < 2:
        who = "one annotator only" if len(people) else "no annotators"
        raise Undefined(f"the decided comparisons name {who}, and nobody to compare with")
    if len(set(items)) == len(items):
        raise Undefined("no pair was judged by two annotators")
    accuracy = dawid_skene(items, names, labels, 2).accuracy
    coin = 0.5 + _Z * np.sqrt(0.25 / count)
    return [
        Clicker(str(person), float(right), int(n))
        for person, right, n, most in zip(people, accuracy, count, coin)
        if n >= _ENOUGH and right < most
    ]
