"""Small HTML tables for notebooks: everything escaped and cut short, no colours, so that every theme stays legible."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from polypref.markup import Attribute, Markup, cut, tag

LONGEST = 600  # characters of a text
_CELL: dict[str, Attribute] = {"style": "text-align: left; white-space: pre-wrap"}  # notebooks align to the right


def box(title: str, *tables: Markup) -> Markup:
    """Tables under a title."""
    return tag("div", None, tag("p", None, tag("strong", None, cut(title, LONGEST))), *tables)


def facts(rows: Iterable[tuple[str, str]]) -> Markup:
    """A table of (heading, text) pairs; a heading is empty where its row continues the one above."""
    made = [tag("tr", None, tag("th", _CELL, cut(name, LONGEST)), _cell(text)) for name, text in rows]
    return tag("table", None, tag("tbody", None, *made))


def table(header: Sequence[str], rows: Iterable[Sequence[str]], left_out: int = 0) -> Markup:
    """A table of texts under a header; `left_out` is how many rows it would have besides these."""
    head = tag("tr", None, *(tag("th", _CELL, name) for name in header))
    body = [tag("tr", None, *map(_cell, row)) for row in rows]
    if left_out:
        body.append(tag("tr", None, tag("td", {**_CELL, "colspan": len(header)}, more(left_out))))
    return tag("table", None, tag("thead", None, head), tag("tbody", None, *body))


def more(count: int) -> str:
    """How what was left out is counted."""
    return f"… {count:,} more"


def _cell(text: str) -> Markup:
    return tag("td", _CELL, cut(text, LONGEST))
