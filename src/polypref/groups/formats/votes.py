"""A table of one's own votes: prompt, response_a, response_b, winner. Its cells may be text, as in CSV."""

from __future__ import annotations

import math
from typing import Union

from polypref.errors import DataError
from polypref.groups.formats.base import Format, Options, Row
from polypref.groups.formats.pairs import pair_group
from polypref.groups.formats.polypref_jsonl import name_of
from polypref.groups.formats.winners import Winner, said_of, share_of, split_sources
from polypref.groups.model import NOTHING, Comparison, Group, shown

_FIELDS = ("response_a", "response_b")

Number = Union[str, int, float]


class VoteRow(Row):
    prompt: str
    response_a: str
    response_b: str
    winner: Winner
    annotator: Union[str, int, None] = None
    criterion: Union[str, None] = None
    domain: Union[str, None] = None
    weight: Union[Number, None] = None
    time: Union[Number, None] = None


def number(value: Number, field: str) -> float:
    """The number that a cell holds, a whole one as an int."""
    try:
        parsed = float(value)
    except (ValueError, OverflowError):
        parsed = math.nan
    if not math.isfinite(parsed):
        raise DataError(f"expected a number, got {shown(value)}", field=field)
    return int(parsed) if parsed.is_integer() else parsed


def _to_group(row: VoteRow, options: Options) -> Group:
    sources, unknown = split_sources(row.unknown, ("model_a", "model_b"))
    share = share_of(row.winner, "winner", sources)
    weight = 1.0 if row.weight is None else number(row.weight, "weight")
    time = None if row.time is None else number(row.time, "time")
    meta = {**unknown, **said_of(row.winner, "winner")} or NOTHING
    comparison = Comparison(0, 1, share, name_of(row.annotator), row.criterion, weight, time, meta=meta)
    answers = (row.response_a, row.response_b)
    return pair_group(row.prompt, answers, [comparison], _FIELDS, domain=row.domain, sources=sources)


FORMAT = Format(
    name="votes",
    title="a table of votes: prompt, response_a, response_b, winner (a, b or tie)",
    keys=frozenset({"prompt", *_FIELDS, "winner"}),
    row=VoteRow,
    to_group=_to_group,
)
