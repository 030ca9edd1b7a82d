"""What an inspection finds, with names: one small type per line of the screen, and the JSON that is made of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from polypref.groups.json_text import as_plain, plain_fields
from polypref.inspection.conflicts import Conflict
from polypref.statistics.telling_apart import ToldApart

JudgmentKind = Literal["comparisons", "ratings"]

OPPOSED = 0.1  # correlation between camps, beyond chance, from which on they matter: people always differ a little


@dataclass(frozen=True, slots=True)
class Spread:
    """The least, the middle and the largest of some numbers."""

    min: float
    median: float
    max: float


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large groups and responses are, and how groups and judgments spread over domains and criteria."""

    responses_per_group: Spread | None
    characters_per_response: Spread | None
    domains: dict[str, int]  # groups
    criteria: dict[str, int]  # judgments
    sources: int


@dataclass(frozen=True, slots=True)
class Votes:
    """How often pairs and responses were judged, and by how busy annotators; None where nobody did."""

    pairs: int
    per_pair: Spread | None
    pairs_judged_again: int
    majority_shares: list[int]  # pairs with three votes or more by the share of the majority, ten bins from ½ to 1
    rated: int
    per_rated: Spread | None
    per_annotator: Spread | None


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What was said twice: prompts, responses within a group, and judgments that repeat another in everything."""

    prompts: int
    responses: int
    judgments: int


@dataclass(frozen=True, slots=True)
class Contradictions:
    """Pairs with votes both ways, and annotators who took both sides of one."""

    pairs: int
    by_one_annotator: int


@dataclass(frozen=True, slots=True)
class Alpha:
    """Krippendorff's α with its 95 % interval."""

    alpha: float
    low: float
    high: float
    observed: float  # chance that two votes on one item agree
    items: int
    level: Literal["nominal", "ordinal"]


@dataclass(frozen=True, slots=True)
class Agreements:
    """How far people agree; None where it cannot be measured."""

    comparisons: Alpha | None
    ratings: Alpha | None

    def known(self) -> Iterator[tuple[JudgmentKind, Alpha]]:
        """Those that could be measured, by what was judged."""
        if self.comparisons:
            yield "comparisons", self.comparisons
        if self.ratings:
            yield "ratings", self.ratings


@dataclass(frozen=True, slots=True)
class Sides:
    """Whether annotators deviate from the common opinion together."""

    detected: bool
    p_value: float
    smaller: float  # share of the annotators on the smaller side
    opposition: float  # correlation of deviations within the sides less that across them, beyond chance
    annotators: int  # compared
    by: JudgmentKind

    @property
    def matter(self) -> bool:
        """Whether they do so beyond chance, and by enough to matter."""
        return self.detected and self.opposition >= OPPOSED


@dataclass(frozen=True, slots=True)
class Cyclic:
    """The cyclic share with its 95 % interval, and what sampling noise alone would make of it."""

    value: float
    low: float
    high: float
    noise: float
    noise_high: float
    p_value: float
    groups: int  # with loops
    independent_votes: bool | None = None  # nobody judged two pairs of a prompt; None where that was not asked

    def as_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return _without_none(plain_fields(self), "independent_votes")


NO_CYCLES: dict[str, Any] = {**dict.fromkeys(("value", "low", "high", "noise", "noise_high", "p_value")), "groups": 0}


@dataclass(frozen=True, slots=True)
class NamedCycle:
    """Sources of which each is preferred to the next, and the last to the first."""

    members: list[str]
    strength: float  # the weakest share along it


@dataclass(frozen=True, slots=True)
class SourceGame:
    """Named sources against each other over all prompts."""

    names: list[str]
    preferences: list[list[float]]  # [S, S], NaN where two never met
    votes: list[list[float]]
    connected: bool
    win_rates: dict[str, float]  # share of all its votes that each won, the best first
    cycles: list[NamedCycle]  # the strongest first
    cyclic_share: Cyclic | None
    why: str | None = None  # there is no cyclic share

    def as_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return _without_none(plain_fields(self), "why")


@dataclass(frozen=True, slots=True)
class LengthBias:
    """How often the longer response wins, and the odds it gains per doubling of length."""

    longer_wins: float
    low: float
    high: float
    pairs: int
    odds_per_doubling: float | None
    by: JudgmentKind


@dataclass(frozen=True, slots=True)
class Surface:
    """How well a rule on surface features predicts votes it has not seen, and what it likes, strongest first."""

    accuracy: float
    low: float
    high: float
    pairs: int
    taste: dict[str, float]


@dataclass(frozen=True, slots=True)
class Change:
    """Whether opinion on the same items changed over time, and when."""

    detected: bool
    p_value: float
    time: float | None
    effect: float


@dataclass(frozen=True)
class Inspection:
    """Everything `polypref inspect` says; `as_dict` is its JSON. What is undefined is None, and `why` says why."""

    groups: int
    prompts: int
    responses: int
    comparisons: int
    ratings: int
    annotators: int
    sizes: Sizes
    votes: Votes
    duplicates: Duplicates
    contradictions: Contradictions
    agreement: Agreements
    camps: Sides | None
    cyclic_share: Cyclic | None  # within prompts
    sources: SourceGame | None
    conflicts: list[Conflict]
    length_bias: LengthBias | None
    shortcut: Surface | None
    labels: dict[str, float]  # ratings by label, lowest label first
    drift: Change | None
    recommended_head: str | None  # None where there are no judgments to learn from
    reasons: list[str]
    why: dict[str, str]
    skipped: dict[str, int] = field(default_factory=dict)
    telling_apart: ToldApart | None = None

    def __repr__(self) -> str:
        from polypref.inspection import screen

        return screen.text(self)

    def _repr_html_(self) -> str:
        from polypref.inspection import screen

        return screen.html(self)

    @property
    def cycles(self) -> dict[str, Cyclic]:
        """The cyclic shares that could be measured, by where."""
        shares = {"within prompts": self.cyclic_share, "between sources": self.sources and self.sources.cyclic_share}
        return {where: found for where, found in shares.items() if found}

    def as_dict(self) -> dict[str, Any]:
        """A JSON object; NaN and infinities, which JSON lacks, are null."""
        return {**plain_fields(self), "cyclic_share": as_plain(self.cyclic_share) or dict(NO_CYCLES)}


def _without_none(found: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name != key or value is not None}
