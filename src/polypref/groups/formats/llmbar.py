"""LLMBar rows (Zeng et al. 2023, arXiv 2310.07641): of two outputs the one that follows the instruction."""

from __future__ import annotations

from typing import Literal

from polypref.groups.formats.base import Format, Options, Row
from polypref.groups.model import Comparison, Group


class LlmBarRow(Row):
    input: str
    output_1: str
    output_2: str
    label: Literal[1, 2]


def to_group(row: LlmBarRow, options: Options) -> Group:
    """A row as a group."""
    comparison = Comparison(0, 1) if row.label == 1 else Comparison(1, 0)
    return Group(row.input, (row.output_1, row.output_2), (comparison,), meta=row.unknown)


FORMAT = Format(
    name="llmbar",
    title="LLMBar: an instruction and two outputs, of which label (1 or 2) names the one that follows it",
    keys=frozenset({"input", "output_1", "output_2", "label"}),
    row=LlmBarRow,
    to_group=to_group,
)
