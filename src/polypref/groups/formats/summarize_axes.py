"""The axis ratings of OpenAI's summarize_from_feedback: one summary, rated from 1 to 7 on several axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Union

from polypref.errors import DataError
from polypref.groups.formats.base import Format, Options, Row, is_nothing
from polypref.groups.formats.polypref_jsonl import name_of
from polypref.groups.formats.summarize import Info, Summary
from polypref.groups.json_text import plain
from polypref.groups.model import NOTHING, Group, Rating, shown

_SCALE = tuple(range(1, 8))
_AXES = ("overall", "accuracy", "coverage", "coherence")


class RatedSummary(Summary):
    axes: dict[str, Any]


class AxesRow(Row):
    info: Info
    summary: RatedSummary
    worker: Union[str, int, None] = None


def _to_group(row: AxesRow, options: Options) -> Group:
    if not row.summary.text.strip():
        raise DataError("is empty", field="summary.text")
    axes = {axis: value for axis, value in row.summary.axes.items() if not is_nothing(value)}
    other = {axis: plain(value) for axis, value in axes.items() if axis not in _AXES}
    beside = {
        **row.unknown,
        **row.summary.unknown,
        **{axis: value for axis, value in other.items() if value is not None},
    }
    annotator = name_of(row.worker)
    ratings = [_rating(axis, axes[axis], annotator, beside or NOTHING) for axis in _AXES if axis in axes]
    if not ratings:
        raise DataError(f"expected one of the axes {', '.join(_AXES)}", field="summary.axes")
    return Group(
        row.info.prompt(),
        (row.summary.text,),
        (),
        tuple(ratings),
        row.info.subreddit or row.info.site,
        name_of(row.info.id),
        (row.summary.policy,) if row.summary.policy else (),
        _SCALE,
        row.info.beside(),
    )


def _rating(axis: str, label: Any, annotator: str | None, meta: Mapping[str, Any]) -> Rating:
    if isinstance(label, bool) or label not in _SCALE:
        raise DataError(f"expected a whole number from 1 to 7, got {shown(label)}", field=f"summary.axes.{axis}")
    return Rating(0, int(label), annotator, axis, meta=meta)


FORMAT = Format(
    name="summarize-axes",
    title="OpenAI's summarize_from_feedback: one summary, rated from 1 to 7 on each axis",
    keys=frozenset({"info", "summary"}),
    row=AxesRow,
    to_group=_to_group,
    fits=lambda row: isinstance(row["summary"], dict) and "axes" in row["summary"],
)
