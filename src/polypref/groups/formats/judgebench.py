"""JudgeBench rows (Tan et al. 2024, arXiv 2410.12784): of two responses of one model the objectively correct one."""

from __future__ import annotations

from typing import Literal, Union

from polypref.groups.formats.base import Format, Options, Row
from polypref.groups.formats.polypref_jsonl import name_of
from polypref.groups.model import Comparison, Group


class JudgeBenchRow(Row):
    question: str
    response_A: str
    response_B: str
    label: Literal["A>B", "B>A"]
    source: str
    pair_id: Union[str, int, None] = None
    response_model: Union[str, None] = None


def to_group(row: JudgeBenchRow, options: Options) -> Group:
    """A row as a group; its domain is the collection that the question is from."""
    comparison = Comparison(0, 1) if row.label == "A>B" else Comparison(1, 0)
    sources = (row.response_model,) * 2 if row.response_model else ()
    answers = (row.response_A, row.response_B)
    return Group(row.question, answers, (comparison,), (), row.source, name_of(row.pair_id), sources, (), row.unknown)


FORMAT = Format(
    name="judgebench",
    title="JudgeBench: two responses of one model, of which A>B or B>A is correct",
    keys=frozenset({"question", "response_A", "response_B", "label", "source"}),
    row=JudgeBenchRow,
    to_group=to_group,
)
