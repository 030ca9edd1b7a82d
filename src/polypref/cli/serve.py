"""`polypref serve`: models behind HTTP, for trainers, programs and people."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from polypref.cli import common
from polypref.errors import PolyprefError


def serve(
    models: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="[MODEL…]",
            help="Folders or Hugging Face ids of preference models; NAME=FOLDER gives one another name.",
            show_default=False,
        ),
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen at; others than loopback need tokens.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen at; 0: any that is free.")] = (
        8000
    ),
    token_file: Annotated[
        Optional[str],
        typer.Option("--token-file", metavar="FILE", help="Tokens, as polypref token makes them.", show_default=False),
    ] = None,
    cohort: Annotated[
        Optional[int],
        typer.Option(
            "--cohort", metavar="K", min=2, help="Judge the samples of a prompt in groups of K.", show_default=False
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="S", help="Seconds that a cohort is waited for.")
    ] = 60.0,
    reward: Annotated[
        str, typer.Option("--reward", metavar="NAME", help="What samples of a cohort are compared by.")
    ] = "log-odds",
    scale: Annotated[
        str, typer.Option("--scale", metavar="NAME", help="none: mean leads; group: advantages, as GRPO has them.")
    ] = "none",
    references: Annotated[
        Optional[list[str]],
        typer.Option(
            "--references",
            metavar="FILE",
            help="Groups whose responses stand in for the samples of a prompt that did not come.",
            show_default=False,
        ),
    ] = None,
    store: Annotated[
        Optional[str],
        typer.Option(
            "--store",
            metavar="URL",
            help="Keep people's votes: a SQLite file, or a database by URL.",
            show_default=False,
        ),
    ] = None,
    items: Annotated[
        Optional[list[str]],
        typer.Option(
            "--items", metavar="FILE", help="Groups to put into the store, with their votes.", show_default=False
        ),
    ] = None,
    forgetting: Annotated[
        float, typer.Option("--forgetting", metavar="F", help="By how much a vote fades with the next one.")
    ] = 1.0,
    reload: Annotated[
        bool, typer.Option("--reload", help="Take in new checkpoints in the models' folders, without losing a request.")
    ] = False,
    most_waiting: Annotated[
        int, typer.Option("--most-waiting", min=1, help="Responses that may wait in a model's queue.")
    ] = 8192,
    audit: Annotated[
        Optional[str],
        typer.Option("--audit", metavar="FILE", help="Add a line of each request to a file.", show_default=False),
    ] = None,
    max_length: common.MaxLength = None,
    dtype: common.DtypeName = "float32",
    device: common.Device = None,
    trust_remote_code: common.TrustRemoteCode = False,
    state_token: common.StateTokenName = "checkpoint",
) -> None:
    """Serve models over HTTP: scores, preferences, and rewards as trainers ask for them."""
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise PolyprefError("serving needs FastAPI and uvicorn: pip install 'polypref[serve]'") from None

    from polypref.models.loading import Loading
    from polypref.serving.running import Settings, run

    settings = Settings(
        models=models or [],
        host=host,
        port=port,
        token_file=token_file,
        cohort=cohort,
        timeout=timeout,
        reward=reward,
        scale=scale,
        references=references or [],
        most_waiting=most_waiting,
        audit=audit,
        store=store,
        items=items or [],
        forgetting=forgetting,
        reload=reload,
    )
    run(settings, Loading(max_length, dtype, device, trust_remote_code, state_token), common.note)
