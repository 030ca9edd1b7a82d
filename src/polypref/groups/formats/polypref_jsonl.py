"""polypref's own form, version 1: one group a row, unknown keys kept in `meta`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, Union

from polypref.errors import DataError
from polypref.groups.formats.base import Format, Options, Row
from polypref.groups.formats.chat import MessageRow, beside, messages_of
from polypref.groups.json_text import DEEPEST, plain
from polypref.groups.model import NOTHING, Comparison, Group, Label, Rating

_DEEPEST = DEEPEST + 50  # what rows of other forms hold lies deeper in groups, and the more so in merged ones


class _OwnRow(Row):
    deepest = _DEEPEST


class ComparisonRow(_OwnRow):
    i: int
    j: int
    p: Union[float, None] = None
    annotator: Union[str, int, None] = None
    criterion: Union[str, None] = None
    weight: Union[float, None] = None
    time: Union[float, None] = None
    margin: Union[float, None] = None


class RatingRow(_OwnRow):
    i: int
    label: Union[int, float, str]
    annotator: Union[str, int, None] = None
    criterion: Union[str, None] = None
    weight: Union[float, None] = None
    time: Union[float, None] = None


class GroupRow(_OwnRow):
    prompt: Union[str, list[MessageRow]]
    responses: list[str]
    comparisons: Union[list[ComparisonRow], None] = None
    ratings: Union[list[RatingRow], None] = None
    domain: Union[str, None] = None
    id: Union[str, int, None] = None
    sources: Union[list[Union[str, None]], None] = None
    scale: Union[list[Union[int, float, str]], None] = None


def name_of(value: str | int | None) -> str | None:
    """Annotators and ids are names; files that number them are read as if they had written the number out."""
    try:
        return None if value is None else str(value)
    except ValueError:  # Python writes out no integer of more than 4300 digits
        raise DataError("numbers something with a whole number of more than 4300 digits, which is no name") from None


def or_one(value: float | None) -> float:
    """Shares and votes that were left out, or are null as tables write it, are 1."""
    return 1.0 if value is None else value


def _to_group(row: GroupRow, options: Options) -> Group:
    prompt, meta = (row.prompt, row.unknown) if isinstance(row.prompt, str) else (messages_of(row.prompt), row.unknown)
    if not isinstance(row.prompt, str) and (more := beside(row.prompt, "prompt_messages")):
        meta = {**meta, **more}
    return Group(
        prompt,
        tuple(row.responses),
        tuple(_comparison(k, c) for k, c in enumerate(row.comparisons or ())),
        tuple(_rating(k, r) for k, r in enumerate(row.ratings or ())),
        row.domain,
        name_of(row.id),
        tuple(row.sources or ()),
        tuple(row.scale or ()),
        meta,
    )


def _comparison(k: int, c: ComparisonRow) -> Comparison:
    p, weight = or_one(c.p), or_one(c.weight)
    try:
        return Comparison(c.i, c.j, p, name_of(c.annotator), c.criterion, weight, c.time, c.margin, c.unknown)
    except DataError as error:
        raise DataError(error.reason, field=f"comparisons[{k}].{error.field}") from None


def _rating(k: int, r: RatingRow) -> Rating:
    try:
        return Rating(r.i, r.label, name_of(r.annotator), r.criterion, or_one(r.weight), r.time, r.unknown)
    except DataError as error:
        raise DataError(error.reason, field=f"ratings[{k}].{error.field}") from None


def _from_group(group: Group) -> Iterator[dict[str, Any]]:
    row: dict[str, Any] = {"prompt": prompt_json(group), "responses": list(group.responses)}
    if group.comparisons or (group.meta and not group.ratings):  # keys in `meta` may look like another form's
        row["comparisons"] = [judgment_json(c) for c in group.comparisons]
    if group.ratings:
        row["ratings"] = [judgment_json(r) for r in group.ratings]
    optional = {"domain": group.domain, "id": group.id, "sources": list(group.sources), "scale": list(group.scale)}
    row.update({key: value for key, value in optional.items() if value is not None and value != []})
    row.update(plain(group.meta, _DEEPEST + 1))
    yield row


def prompt_json(group: Group) -> str | list[dict[str, str]]:
    """The prompt as files write it: text, or a list of chat messages."""
    if isinstance(group.prompt, str):
        return group.prompt
    return [{"role": m.role, "content": m.content} for m in group.prompt]


_DEFAULTS: Mapping[type, Mapping[str, Any]] = {
    kind: {f.name: f.default for f in fields(kind) if f.name != "meta"} for kind in (Comparison, Rating)
}


def comparison_of_row(row: Any) -> Comparison:
    """A comparison from the JSON object that `judgment_json` makes of it."""
    return _comparison(0, ComparisonRow.model_validate(row))


def judgment_json(judgment: Comparison | Rating) -> dict[str, Label | Any]:
    """A comparison or a rating as a JSON object; what has its default value is left out."""
    values = ((key, getattr(judgment, key), default) for key, default in _DEFAULTS[type(judgment)].items())
    row = {key: value for key, value, default in values if value != default}
    if judgment.meta is not NOTHING:
        row.update(plain(judgment.meta, _DEEPEST + 1))
    return row


FORMAT = Format(
    name="polypref",
    title="polypref JSON lines: prompt, responses, comparisons, ratings",
    keys=frozenset({"prompt", "responses"}),
    row=GroupRow,
    to_group=_to_group,
    fits=lambda row: isinstance(row["responses"], list),
    marks=frozenset({"comparisons", "ratings"}),
    merges=False,
    from_group=_from_group,
    keeps="everything",
)
