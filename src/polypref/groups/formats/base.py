"""What a format is: the schema of one row, how a row becomes a group, and (where others read it back) the way out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Union

from pydantic import BaseModel, ConfigDict, ValidationError

from polypref.errors import DataError
from polypref.groups.json_text import DEEPEST, plain
from polypref.groups.model import NOTHING, Group, shown


class Row(BaseModel):
    """Base of every row schema: types are not coerced, NaN is refused, unknown keys are kept."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)
    deepest: ClassVar[int] = DEEPEST

    @property
    def unknown(self) -> Mapping[str, Any]:
        """The keys the schema does not name, as JSON has them, less the empty ones (null, NaN); they become `meta`."""
        extra = self.__pydantic_extra__
        kept = {key: _kept(key, value, self.deepest) for key, value in extra.items()} if extra else {}
        return {key: value for key, value in kept.items() if value is not None} or NOTHING


def _kept(key: str, value: Any, deepest: int) -> Any:
    try:
        return plain(value, deepest)
    except DataError as error:
        raise DataError(error.reason, field=key) from None


def is_nothing(value: Any) -> bool:
    """Whether a cell says nothing: null, or the NaN that some tools write for it."""
    return value is None or (isinstance(value, float) and math.isnan(value))


@dataclass(frozen=True, slots=True)
class Options:
    """Choices a reader may need from its user."""

    preferred: str | None = None  # domain form: the domain whose responses are the preferred ones


@dataclass(frozen=True)
class Format:
    """One outside form of preference data. A module in this package defines one as `FORMAT`; nothing else is needed."""

    name: str  # what a user types after --format
    title: str  # one line for tables and error messages
    keys: frozenset[str]  # a row has at least these; of two formats that fit, the one with more keys is meant
    row: type[Row]
    to_group: Callable[[Any, Options], Union[Group, Sequence[Group]]]  # the row it gets is an instance of `row`
    either: tuple[frozenset[str], ...] = ()  # and beside `keys` at least one of these sets, if there are any
    fits: Callable[[Mapping[str, Any]], bool] = lambda row: True  # asked only when all `keys` are there
    marks: frozenset[str] = frozenset()  # a row that fits and has one of these is of this form, whatever else it has
    # of a form whose rows are parts of what is parsed: (row number, row) of the parts, into (row number, whole)
    assemble: Callable[[Iterable[tuple[int, Any]]], Iterator[tuple[int, Any]]] | None = None
    has_domains: bool = False  # a row has one response per domain, of which Options.preferred names one
    merges: bool = True  # rows that share prompt and domain are parts of one group
    from_group: Callable[[Group], Iterator[dict[str, Any]]] | None = None
    keeps: str = ""  # what from_group can write, one phrase for error messages and docs

    def recognises(self, row: Mapping[str, Any]) -> bool:
        """Whether a raw row has this form."""
        return self.known_keys(row) > 0 and self.fits(row)

    def known_keys(self, row: Mapping[str, Any]) -> int:
        """How many of a raw row's keys this form is known by; 0 if one of them is missing."""
        beside = [len(keys) for keys in self.either if keys <= row.keys()]
        if not self.keys <= row.keys() or (self.either and not beside):
            return 0
        return len(self.keys) + max(beside, default=0)

    def certainty(self, row: Mapping[str, Any]) -> tuple[bool, int]:
        """How sure it is that a row it recognises is of this form and not of another; larger is surer."""
        return not self.marks.isdisjoint(row), self.known_keys(row)

    def parse(self, raw: Any, options: Options) -> Sequence[Group]:
        """One raw row, checked and turned into its groups (mostly one); DataError names the field at fault."""
        try:
            row = self.row.model_validate(raw)
        except ValidationError as error:
            raise explain(error, raw) from None
        groups = self.to_group(row, options)
        return (groups,) if isinstance(groups, Group) else groups


def explain(error: ValidationError, raw: Any) -> DataError:
    """What a schema complains of first, as one sentence with the field's path."""
    complaints = [(_path(c["loc"], raw, c["type"] == "missing"), c) for c in error.errors(include_url=False)]
    field = complaints[0][1]["loc"][:1]
    # of the branches of a union, the one that the value follows furthest was meant
    path, first = max((c for c in complaints if c[1]["loc"][:1] == field), key=lambda c: len(c[0]))
    if first["type"] == "missing":
        return DataError("is missing", field=path)
    same = dict.fromkeys(c["msg"].partition(" or instance of ")[0] for other, c in complaints if other == path)
    expected = " or ".join(message.removeprefix("Input should be ") for message in same)
    if not first["msg"].startswith("Input should be "):
        return DataError(f"{first['msg']}, got {shown(first['input'])}", field=path or None)
    return DataError(f"expected {expected}, got {shown(first['input'])}", field=path or None)


def _path(steps: Sequence[Union[int, str]], value: Any, missing: bool) -> str:
    # a step that leads nowhere in the row is the name of a union's branch, or (the last) of a field that is missing
    path = ""
    for k, step in enumerate(steps):
        if isinstance(value, Mapping) and (step in value or (missing and k == len(steps) - 1)):
            value = value.get(step)
            path += f".{step}" if path else str(step)
        elif isinstance(step, int):
            value = value[step]
            path += f"[{step}]"
    return path
