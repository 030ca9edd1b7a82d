"""Alpaca-style comparisons with both answers in `output`: the better one, then the worse one."""

from __future__ import annotations

from polypref.errors import DataError
from polypref.groups.formats.alpaca import Instruction, instructed_pair
from polypref.groups.formats.base import Format, Options
from polypref.groups.model import Group


class OutputsRow(Instruction):
    output: list[str]


def _to_group(row: OutputsRow, options: Options) -> Group:
    if len(row.output) != 2:
        raise DataError(f"expected the better answer and the worse one, got {len(row.output)}", field="output")
    return instructed_pair(row, row.output, ("output[0]", "output[1]"), None)


FORMAT = Format(
    name="alpaca-outputs",
    title="Alpaca comparisons: an instruction and, in output, the better answer and the worse one",
    keys=frozenset({"instruction", "output"}),
    row=OutputsRow,
    to_group=_to_group,
    fits=lambda row: isinstance(row["output"], list),
)
