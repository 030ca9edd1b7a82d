"""Which head is trained by which objective from which data, read off the classes."""

from __future__ import annotations

from typing import NamedTuple

from polypref.models.heads import all_heads
from polypref.objectives import all_objectives


class Row(NamedTuple):
    """One head with one objective that trains it."""

    head: str
    objective: str
    default: bool  # the head's objective unless another is named
    minimises: str
    uses: str
    accepts: tuple[str, ...]
    paper: str


def table() -> list[Row]:
    """Every pair of a head and an objective that fit, by head, its default objective first."""
    rows = [
        Row(name, objective, objective == head.objective, each.title, each.uses, each.accepts, each.paper)
        for name, head in all_heads().items()
        for objective, each in all_objectives().items()
        if name in each.heads()
    ]
    return sorted(rows, key=lambda row: (row.head, not row.default, row.objective))


def markdown() -> str:
    """The table for the docs."""
    lines = ["| head | objective | minimises | data | paper |", "| --- | --- | --- | --- | --- |"]
    for row in table():
        name = f"`{row.objective}`" + (" (default)" if row.default else "")
        lines.append(f"| `{row.head}` | {name} | {row.minimises} | {', '.join(row.accepts)} | {row.paper} |")
    return "\n".join(lines) + "\n"
