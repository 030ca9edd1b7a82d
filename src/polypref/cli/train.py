"""`polypref train`: a preference model from judgments."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, Optional

import typer

from polypref.cli.common import (
    INTERRUPTED,
    STATE_TOKENS,
    ColumnNames,
    FormatName,
    Json,
    Preferred,
    SkipBad,
    note,
    print_json,
    print_table,
    put_setting,
)
from polypref.errors import DataError
from polypref.models.heads import all_heads, plain_head

if TYPE_CHECKING:
    from polypref.training.recipe import TrainingResult

_Files = Optional[list[str]]
_HEADS = f"One of {', '.join(all_heads())}."


def train(
    config: Annotated[
        Optional[Path], typer.Argument(help="YAML or JSON file with settings; flags override it.", show_default=False)
    ] = None,
    data: Annotated[_Files, typer.Option("--data", metavar="FILE", help="Data to train on; may be repeated.")] = None,
    eval_data: Annotated[_Files, typer.Option("--eval-data", metavar="FILE", help="Data held out.")] = None,
    eval_share: Annotated[
        Optional[float], typer.Option(help="Share of the prompts to hold out, without --eval-data.")
    ] = None,
    head: Annotated[
        Optional[str],
        typer.Option(help=_HEADS, show_default=plain_head().name),
    ] = None,
    objective: Annotated[Optional[str], typer.Option(help="What to train the head for; its own if left out.")] = None,
    backbone: Annotated[
        Optional[str],
        typer.Option(
            help="Hugging Face id, path, or embedded:minilm, embedded:smollm2, embedded:gemma3.",
            show_default="embedded:minilm",
        ),
    ] = None,
    out: Annotated[Optional[Path], typer.Option("--out", help="Folder of the model.", show_default="model")] = None,
    epochs: Annotated[Optional[float], typer.Option(help="Passes over the data.", show_default="1")] = None,
    batch_size: Annotated[Optional[int], typer.Option(help="Groups per step.", show_default="16")] = None,
    learning_rate: Annotated[
        Optional[float],
        typer.Option(help="Of the backbone.", show_default="1e-4; 2e-4 with adapters, 1e-2 with --frozen"),
    ] = None,
    max_length: Annotated[
        Optional[int], typer.Option(help="Tokens of prompt and response.", show_default="1024")
    ] = None,
    state_token: Annotated[
        Optional[str], typer.Option(metavar="NAME", help=STATE_TOKENS, show_default="checkpoint")
    ] = None,
    precision: Annotated[Optional[str], typer.Option(help="float32, bfloat16 or float16 (autocast).")] = None,
    frozen: Annotated[
        bool, typer.Option("--frozen", help="Train the last layer alone, on features kept on disk.")
    ] = False,
    lora: Annotated[Optional[int], typer.Option("--lora", metavar="RANK", help="Train adapters of this rank.")] = None,
    best: Annotated[
        Optional[str], typer.Option("--best", metavar="METRIC", help="Keep the best checkpoint by loss, accuracy, …")
    ] = None,
    report_to: Annotated[
        Optional[list[str]],
        typer.Option(
            "--report-to", metavar="NAME", help="Send the curves to tensorboard, wandb, trackio, …; may be repeated."
        ),
    ] = None,
    seed: Annotated[Optional[int], typer.Option(help="Seed of everything random.", show_default="0")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in --out.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a model in --out, once the new one is whole.")
    ] = False,
    settings: Annotated[
        Optional[list[str]],
        typer.Option("--set", metavar="NAME=VALUE", help="Any other setting, such as head_settings.dim=4."),
    ] = None,
    format: FormatName = None,
    preferred: Preferred = None,
    columns: ColumnNames = None,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Train a preference model on groups of judged responses."""
    from polypref.groups.columns import parse_columns
    from polypref.training.config import make_config, read_settings
    from polypref.training.places import taken_from

    flags = {
        "data": data,
        "eval_data": eval_data,
        "eval_share": eval_share,
        "head": head,
        "objective": objective,
        "backbone": backbone,
        "out": out and str(out),
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "max_length": max_length,
        "state_token": state_token,
        "precision": precision,
        "frozen": frozen or None,
        "lora": lora and {"rank": lora, "alpha": 2 * lora},
        "best_metric": best,
        "report_to": report_to,
        "seed": seed,
        "resume": resume or None,
        "overwrite": overwrite or None,
        "format": format,
        "preferred": preferred,
        "columns": columns and parse_columns(columns),
        "skip_bad": skip_bad or None,
    }
    given: dict[str, Any] = taken_from(read_settings(config), config.parent, note) if config else {}
    given |= {name: value for name, value in flags.items() if value is not None}
    for setting in settings or ():
        put_setting(given, setting)
    made = make_config(given)
    if not made.data:
        raise DataError("no data to train on; name some with --data")

    from polypref.training.progress import PlainReport
    from polypref.training.recipe import train as run
    from polypref.training.stopping import StopOnInterrupt

    try:
        with StopOnInterrupt(report := PlainReport()) as stop:
            result = run(made, report=report, watchers=[stop])
    except KeyboardInterrupt:
        _tell_stopped(Path(made.out))
        raise typer.Exit(INTERRUPTED) from None
    if int(os.environ.get("RANK", 0)) == 0:  # under torchrun, the first process speaks for all
        _tell(result, made.head, as_json)
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        _leave()


def _tell(result: TrainingResult, head: str, as_json: bool) -> None:
    if as_json:
        print_json({"out": str(result.out), "steps": result.steps, "metrics": result.metrics, **asdict(result.tally)})
        return
    rows = [(name.removeprefix("eval_"), f"{value:.4f}") for name, value in result.metrics.items() if name != "epoch"]
    if rows:
        print_table(rows, title="Held out")
    print(f"{result.out}: a {head} model, {result.steps:,} steps on {result.tally.groups:,} groups")


def _tell_stopped(out: Path) -> None:
    from polypref.training.checkpoints import last_complete

    if int(os.environ.get("RANK", 0)) > 0:
        return
    kept = last_complete(out)
    note(
        f"stopped; {kept} is kept, go on with --resume" if kept else "stopped before the first checkpoint: start again"
    )


def _leave() -> NoReturn:
    """End one process of a distributed run, whose work is done, without torch's own tearing down.

    Threads of its process groups that nobody joins abort about one process in twenty at its end, and torchrun
    then calls the whole run failed.
    """
    from torch import distributed

    distributed.destroy_process_group()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
