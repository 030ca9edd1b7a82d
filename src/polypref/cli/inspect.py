"""`polypref inspect`: one screen that says what kind of preferences a data set holds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from polypref.cli import common
from polypref.errors import Undefined

if TYPE_CHECKING:
    from polypref.inspection.findings import Inspection


def inspect(
    data: common.Data,
    format: common.FormatName = None,
    preferred: common.Preferred = None,
    columns: common.ColumnNames = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad/--stop-at-bad", help="Count and leave out bad rows, or stop at the first.")
    ] = True,
    without: common.Without = None,
    figures: Annotated[
        Optional[str], typer.Option("--figures", metavar="DIR", help="Write the figures as PDF and PNG to this folder.")
    ] = None,
    seed: common.Seed = 0,
    json: common.Json = False,
) -> None:
    """Say what kind of preferences the data hold: agreement, cycles, conflicts, shortcuts, and the head that fits."""
    from polypref.inspection.inspector import inspect_groups

    sources = common.sources_of(
        data, format=format, preferred=preferred, columns=columns, skip_bad=skip_bad, without=without
    )
    try:
        seen = replace(inspect_groups(sources, seed=seed), skipped=sources.skipped)
    except Undefined as error:
        if sources.skipped:
            raise Undefined(
                f"{error}; every row of {sources.rows:,} was bad, the first: {sources.first_skipped}"
            ) from None
        raise
    for line in sources.left_out():
        common.note(line)
    if figures:
        from polypref.inspection.figures import write_figures

        for path in write_figures(seen, figures):
            common.note(f"wrote {path}")
    if json:
        common.print_json(seen.as_dict())
    else:
        show(seen, f"{', '.join(data)} · {', '.join(sources.formats)}")


def show(seen: Inspection, title: str) -> None:
    """Print an inspection for people."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from polypref.inspection.screen import head_lines, inspection_lines

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column()
    for heading, text in inspection_lines(seen):
        grid.add_row(heading, Text(text))
    grid.add_row("", "")
    for heading, text in head_lines(seen):
        grid.add_row(heading, Text(text, style="bold green" if heading and seen.recommended_head else ""))
    console = Console(highlight=False)
    console.print(Text(title, style="bold underline"))
    console.print(Padding(grid, (1, 0)))
