"""The command line: one file per command; errors are one sentence and exit status 2."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from polypref import __version__
from polypref.cli import (
    align,
    ask,
    clean,
    convert,
    customize,
    demo,
    export,
    forget,
    inspect,
    people,
    rank,
    report,
    score,
    serve,
    simulate,
    tournament,
    train,
)
from polypref.cli import eval as evaluate
from polypref.cli.token import token
from polypref.errors import DataError, PolyprefError

app = typer.Typer(
    name="polypref",
    help="Preference models for people who disagree.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        print(f"polypref {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Preference models for people who disagree."""


_COMMANDS: dict[str, Callable[..., None]] = {
    "demo": demo.demo,
    "convert": convert.convert,
    "simulate": simulate.simulate,
    "inspect": inspect.inspect,
    "train": train.train,
    "customize": customize.customize,
    "ask": ask.ask,
    "clean": clean.clean,
    "align": align.align,
    "tournament": tournament.tournament,
    "eval": evaluate.evaluate,
    "score": score.score,
    "rank": rank.rank,
    "serve": serve.serve,
    "people": people.people,
    "export": export.export,
    "forget": forget.forget,
    "report": report.report,
}
for _name, _command in _COMMANDS.items():
    app.command(_name)(_command)
app.add_typer(token, name="token")


def main() -> None:
    """Run the command line; a complaint about the input is one sentence on standard error and exit status 2."""
    try:
        app()
    except PolyprefError as error:
        hint = " (--skip-bad leaves such rows out)" if isinstance(error, DataError) and error.row is not None else ""
        print(f"polypref: {error}{hint}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # the reader of our output has gone, as in `polypref … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
