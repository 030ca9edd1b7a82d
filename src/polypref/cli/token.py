"""`polypref token`: who may ask a service for what."""

from __future__ import annotations

import time
from typing import Annotated, Optional

import typer

from polypref.cli import common

token = typer.Typer(no_args_is_help=True, help="Make, list and revoke the tokens of a service.")

File = Annotated[str, typer.Argument(metavar="FILE", help="The file of tokens.", show_default=False)]


@token.command("make")
def make(
    file: File,
    name: Annotated[str, typer.Option("--name", help="By which the log calls who holds it.")],
    scope: Annotated[list[str], typer.Option("--scope", help="score, vote, read or admin; may be repeated.")],
    days: Annotated[
        Optional[float], typer.Option("--days", help="For how long it is taken; for ever if left out.")
    ] = None,
    rate: Annotated[Optional[float], typer.Option("--rate", help="Requests a second; the service's own else.")] = None,
    json: common.Json = False,
) -> None:
    """Make a token, which is told once: the file keeps only its hash."""
    from polypref.serving.tokens import make_token

    told, made = make_token(file, name, scope, days=days, rate=rate)
    if json:
        common.print_json({"token": told, "id": made.id, "scopes": list(made.scopes), "expires": made.expires})
    else:
        common.print_line(told)
        common.note(f"the token {made.id} of {made.name} may {', '.join(made.scopes)}; it is not told again")


@token.command("list")
def show(file: File, json: common.Json = False) -> None:
    """List the tokens of a file, without what they are."""
    from polypref.serving.tokens import Tokens

    tokens = Tokens(file).all()
    states = [one.refusal(time.time()) or "taken" for one in tokens]
    if json:
        common.print_json(
            {
                "tokens": [
                    {"id": one.id, "name": one.name, "scopes": list(one.scopes), "state": state}
                    for one, state in zip(tokens, states)
                ]
            }
        )
        return
    rows = [(one.id, one.name, ", ".join(one.scopes), state) for one, state in zip(tokens, states)]
    common.print_table(rows, header=("id", "name", "may", "state"))


@token.command("revoke")
def revoke(
    file: File, id: Annotated[str, typer.Argument(metavar="ID", help="As list shows it.", show_default=False)]
) -> None:
    """Take a token back; running services refuse it from their next request on."""
    from polypref.serving.tokens import revoke_token

    common.print_line(f"the token {revoke_token(file, id).id} is revoked")
