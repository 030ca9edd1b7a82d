"""Writes docs/commands.md from the help of the command line: `python docs/tools/commands.py`. A test compares them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from polypref.cli import app

PAGE = Path(__file__).parents[1] / "commands.md"
_HEAD = """\
# Commands

What `polypref COMMAND --help` says of each command. Exit status 2 means that something is wrong with what was given;
one sentence on standard error says what to mend. `-` is standard input or output.
"""


def page() -> str:
    """The text of the page."""
    polypref: Any = typer.main.get_command(app)
    sections = [_section(name, command) for name, command in _all(polypref, "")]
    return "\n".join([_HEAD, *sections])


def _all(group: Any, before: str) -> Iterator[tuple[str, Any]]:
    """Every command by its whole name; those of a group stand by themselves."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _all(command, f"{before}{name} ")
        else:
            yield before + name, command


def _section(name: str, command: Any) -> str:
    context = command.make_context(f"polypref {name}", [], resilient_parsing=True)
    usage = context.get_usage().removeprefix("Usage: ")
    head = f"## {name}\n\n{command.help}\n\n```sh\n{usage}\n```\n\n| argument or option | meaning |\n|---|---|\n"
    return head + "".join(f"| `{what}` | {meaning} |\n" for what, meaning in _records(context))


def _records(context: Any) -> Iterator[list[str]]:
    """Each argument and option with what it means; help is left out, which every command has."""
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and parameter.name != "help":
            # in Markdown, [a] [b] would be a link
            yield [" ".join(text.split()).replace("|", r"\|").replace("] [", "; ") for text in record]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
