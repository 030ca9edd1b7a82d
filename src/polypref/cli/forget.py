"""`polypref forget`: a person's taste, deleted from a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polypref.cli import common


def forget(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a preference model.", show_default=False)],
    person: Annotated[
        str, typer.Argument(metavar="NAME", help="The person, named as in the data.", show_default=False)
    ],
    json: common.Json = False,
) -> None:
    """Delete what a model knows of one person; everybody else's weights stay as they are, bit by bit."""
    from polypref.models.persons import forget as delete

    rest = delete(Path(name), person)
    if json:
        common.print_json({"model": name, "forgotten": person, "persons": len(rest)})
    else:
        common.print_line(f"{name}: forgot {person}; {len(rest):,} persons stay")
