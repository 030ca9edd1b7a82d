"""Tables of a report, and the figure that a table stands beside."""

from __future__ import annotations

from collections.abc import Sequence

from polypref.markup import Markup, joined, tag
from polypref.reporting.figures import coloured

_FILTERED = 12  # rows from which on a table has a field to search it


def table(header: Sequence[str], rows: Sequence[Sequence[str]], caption: str, *, sortable: bool = True) -> Markup:
    """Rows of text, the first cell of each being its name; a script lets the reader sort and search them."""
    heads = [tag("th", {"scope": "col"}, name) for name in header]
    body = [
        tag(
            "tr",
            None,
            *(tag("td" if at else "th", None if at else {"scope": "row"}, cell) for at, cell in enumerate(r)),
        )
        for r in rows
    ]
    made = tag(
        "table",
        {"data-sortable": sortable, "data-searchable": sortable and len(rows) >= _FILTERED},
        tag("caption", None, caption),
        tag("thead", None, tag("tr", None, *heads)),
        tag("tbody", None, *body),
    )
    return tag("div", {"class": "scroll", "tabindex": "0", "role": "region", "aria-label": caption}, made)


def folded(summary: str, *children: Markup) -> Markup:
    """Something that opens on a click."""
    return tag("details", None, tag("summary", None, summary), *children)


def figure(title: str, caption: str, plots: Sequence[Markup], *as_table: Markup) -> Markup:
    """Plots with a sentence on what to see, and the same in numbers."""
    head = joined(tag("strong", None, title), " ", caption)
    alternative = [folded("The numbers", *as_table)] if as_table else []
    shown = tag("div", {"class": "plots"}, *plots)
    return tag("figure", None, tag("figcaption", None, head), shown, *alternative)


def panel(heading: str, plot: Markup, model: int | None = None) -> Markup:
    """One plot of several, under its own heading."""
    name = tag("p", {"class": "panel-name"}, heading)
    return tag(
        "div", {"class": "panel" if model is None else f"panel {coloured(model)}", "data-model": model}, name, plot
    )


def matrix_table(P: Sequence[Sequence[float | None]], names: Sequence[str], caption: str) -> Markup:
    """Shares P[i, j] with the names of rows and columns."""
    rows = [(name, *("–" if p is None else f"{p:.0%}" for p in row)) for name, row in zip(names, P)]
    return table(("", *names), rows, caption, sortable=False)
