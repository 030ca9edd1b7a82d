"""The data model: a group is one prompt, its K responses, and everything people said about them."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Union

from polypref.errors import DataError
from polypref.groups import showing


class _Nothing(Mapping[str, Any]):
    """The empty mapping; one shared instance, so that a million judgments cost no million dicts."""

    __slots__ = ()

    def __getitem__(self, key: str) -> Any:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "{}"

    def __reduce__(self) -> str:
        return "NOTHING"


NOTHING: Mapping[str, Any] = _Nothing()

Label = Union[int, float, str]  # ratings are numbers on an ordered scale, or names without an order


class Message(NamedTuple):
    """One turn of a conversation."""

    role: str
    content: str


Prompt = Union[str, tuple[Message, ...]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The share `p` of `weight` votes that preferred response `i` to response `j`."""

    i: int
    j: int
    p: float = 1.0  # share that preferred i: 1 = all did, ½ = a tie
    annotator: str | None = None
    criterion: str | None = None
    weight: float = 1.0  # number of votes behind p
    time: float | None = None  # any increasing clock, seconds since 1970 by convention
    margin: float | None = None  # how much better, where the annotator was asked
    meta: Mapping[str, Any] = NOTHING

    def __post_init__(self) -> None:
        _use_plain_numbers(self, ("i", "j", "p", "weight", "time", "margin"))
        _check_index("i", self.i)
        _check_index("j", self.j)
        if self.i == self.j:
            raise DataError(f"compares response {shown(self.i)} with itself", field="j")
        if not _is_number(self.p) or not 0.0 <= self.p <= 1.0:
            raise DataError(f"expected a share from 0 to 1, got {shown(self.p)}", field="p")
        _check_judgment(self)
        if self.margin is not None and not _is_number(self.margin):
            raise DataError(f"expected a finite number, got {shown(self.margin)}", field="margin")


@dataclass(frozen=True, slots=True)
class Rating:
    """The `label` that `weight` annotators gave response `i`."""

    i: int
    label: Label
    annotator: str | None = None
    criterion: str | None = None
    weight: float = 1.0
    time: float | None = None
    meta: Mapping[str, Any] = NOTHING

    def __post_init__(self) -> None:
        _use_plain_numbers(self, ("i", "label", "weight", "time"))
        _check_index("i", self.i)
        if not isinstance(self.label, str) and not _is_number(self.label):
            raise DataError(f"expected a finite number or a name, got {shown(self.label)}", field="label")
        _check_judgment(self)


@dataclass(frozen=True, slots=True)
class Group:
    """One prompt, its K responses, and everything people said about them. Lists given are stored as tuples."""

    prompt: Prompt
    responses: tuple[str, ...]
    comparisons: tuple[Comparison, ...] = ()
    ratings: tuple[Rating, ...] = ()
    domain: str | None = None
    id: str | None = None
    sources: tuple[str | None, ...] = ()  # who or what wrote each response (a model, a style), if known
    scale: tuple[Label, ...] = ()  # the labels a rating may take, lowest first, if known
    meta: Mapping[str, Any] = NOTHING

    def __post_init__(self) -> None:
        put = object.__setattr__
        if not isinstance(self.prompt, str):
            put(self, "prompt", as_messages(self.prompt))
        for name in ("responses", "comparisons", "ratings", "sources", "scale"):
            value = getattr(self, name)
            if type(value) is not tuple:
                put(self, name, _as_tuple(name, value))
        _check_prompt(self.prompt)
        n = len(self.responses)
        if n == 0:
            raise DataError("expected at least one response, got none", field="responses")
        for k, text in enumerate(self.responses):
            _check_text(text, "responses", k)
        _check_name("domain", self.domain)
        _check_name("id", self.id)
        for name, kind in (("comparisons", Comparison), ("ratings", Rating)):
            for k, judgment in enumerate(getattr(self, name)):
                if not isinstance(judgment, kind):
                    raise DataError(f"expected a {kind.__name__}, got {shown(judgment)}", field=f"{name}[{k}]")
        for k, comparison in enumerate(self.comparisons):
            if comparison.i >= n or comparison.j >= n:
                reason = f"compares responses {shown(comparison.i)} and {shown(comparison.j)} of {n}"
                raise DataError(f"{reason} (indices start at 0)", field=f"comparisons[{k}]")
        for k, rating in enumerate(self.ratings):
            if rating.i >= n:
                reason = f"rates response {shown(rating.i)} of {n} (indices start at 0)"
                raise DataError(reason, field=f"ratings[{k}].i")
        if self.sources and len(self.sources) != n:
            raise DataError(f"expected one source for each of {n} responses, got {len(self.sources)}", field="sources")
        if self.meta and not _GROUP_FIELDS.isdisjoint(self.meta):
            clash = ", ".join(sorted(_GROUP_FIELDS.intersection(self.meta)))
            raise DataError(f"holds {clash}, which a group has a place of its own for", field="meta")
        if self.scale:
            for k, label in enumerate(self.scale):
                if not isinstance(label, str) and not _is_number(label):
                    raise DataError(f"expected a finite number or a name, got {shown(label)}", field=f"scale[{k}]")
            known = set(self.scale)
            if len(known) != len(self.scale):
                raise DataError(f"names a label twice: {shown(list(self.scale))}", field="scale")
            for k, rating in enumerate(self.ratings):
                if rating.label not in known:
                    reason = f"{shown(rating.label)} is not on the scale {shown(list(self.scale))}"
                    raise DataError(reason, field=f"ratings[{k}].label")

    def __len__(self) -> int:
        """K, the number of responses."""
        return len(self.responses)

    def __repr__(self) -> str:
        return showing.line(self)

    def _repr_html_(self) -> str:
        return showing.html(self)

    @property
    def prompt_text(self) -> str:
        """The prompt as plain text; the turns of a conversation are written `Role: content`, a blank line apart."""
        if isinstance(self.prompt, str):
            return self.prompt
        return "\n\n".join(f"{m.role.capitalize()}: {m.content}" for m in self.prompt)

    def domain_of(self, comparison: Comparison) -> str | None:
        """The domain whose taste a comparison tells: the group's, or else, where several judge it, its criterion."""
        return comparison.criterion if self.domain is None else self.domain


_GROUP_FIELDS, _COMPARISON_FIELDS, _RATING_FIELDS = (
    frozenset(f.name for f in fields(kind)) - {"meta"} for kind in (Group, Comparison, Rating)
)


def as_messages(value: Iterable[Any]) -> tuple[Message, ...]:
    """Chat messages from (role, content) pairs or from mappings with those two keys."""
    messages = []
    for k, turn in enumerate(value):
        try:
            role, content = (turn["role"], turn["content"]) if isinstance(turn, Mapping) else turn
        except (KeyError, TypeError, ValueError):
            reason = f"expected a chat message with role and content, got {shown(turn)}"
            raise DataError(reason, field=f"prompt[{k}]") from None
        messages.append(Message(role, content))
    return tuple(messages)


def _as_tuple(name: str, value: Any) -> tuple[Any, ...]:
    if isinstance(value, (str, Mapping)) or not isinstance(value, Sequence):
        raise DataError(f"expected a list, got {type(value).__name__}", field=name)
    return tuple(value)


def _check_prompt(prompt: Prompt) -> None:
    if isinstance(prompt, str):
        _check_text(prompt, "prompt")
        return
    if not prompt:
        raise DataError("expected at least one chat message, got none", field="prompt")
    for k, message in enumerate(prompt):
        if not isinstance(message.role, str) or not message.role:
            raise DataError(f"expected a role such as 'user', got {shown(message.role)}", field=f"prompt[{k}].role")
        if not isinstance(message.content, str):
            raise DataError(f"expected text, got {type(message.content).__name__}", field=f"prompt[{k}].content")
    if all(not message.content.strip() for message in prompt):
        raise DataError("is empty", field="prompt")


def _check_text(text: Any, field: str, index: int | None = None) -> None:
    if type(text) is str and text and not text.isspace():
        return
    field = field if index is None else f"{field}[{index}]"
    if not isinstance(text, str):
        raise DataError(f"expected text, got {type(text).__name__}", field=field)
    raise DataError("is empty", field=field)


def shown(value: Any) -> str:
    """A value as error messages quote it: short, on one line."""
    try:
        text = repr(value)
    except ValueError:  # Python writes out no integer of more than 4300 digits
        text = "a huge number"
    return text if len(text) <= 60 else f"{text[:57]}…"


def _check_index(field: str, value: Any) -> None:
    if type(value) is not int or value < 0:
        raise DataError(f"expected the index of a response (0, 1, …), got {shown(value)}", field=field)


def _check_name(field: str, value: Any) -> None:
    if value is not None and not isinstance(value, str):
        raise DataError(f"expected a name, got {shown(value)}", field=field)


def _check_judgment(judgment: Comparison | Rating) -> None:
    _check_name("annotator", judgment.annotator)
    _check_name("criterion", judgment.criterion)
    if not _is_number(judgment.weight) or judgment.weight <= 0:
        raise DataError(f"expected a positive number of votes, got {shown(judgment.weight)}", field="weight")
    if judgment.time is not None and not _is_number(judgment.time):
        raise DataError(f"expected a finite number, got {shown(judgment.time)}", field="time")
    if judgment.meta is not NOTHING:
        known, kind = (
            (_COMPARISON_FIELDS, "comparison") if isinstance(judgment, Comparison) else (_RATING_FIELDS, "rating")
        )
        clash = ", ".join(sorted(known.intersection(judgment.meta)))
        if clash:
            raise DataError(f"holds {clash}, which a {kind} has a place of its own for", field="meta")


def _use_plain_numbers(judgment: Comparison | Rating, names: Sequence[str]) -> None:
    # NumPy's numbers become Python's, which JSON knows
    for name in names:
        value = getattr(judgment, name)
        if value is None or type(value) in _PLAIN:
            continue
        if isinstance(value, numbers.Integral):
            object.__setattr__(judgment, name, int(value))
        elif isinstance(value, numbers.Real):
            object.__setattr__(judgment, name, float(value))


_PLAIN = (float, int, str, bool)


def _is_number(value: Any) -> bool:
    # integers that no float can hold are no use as labels or weights
    return (type(value) is float and math.isfinite(value)) or (type(value) is int and abs(value) <= 2**53)
