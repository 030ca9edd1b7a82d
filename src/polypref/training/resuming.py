"""Where a run begins and whether it goes on: the folder, the configuration in it, the checkpoint."""

from __future__ import annotations

import json
import os
from pathlib import Path

from polypref.files import write_whole
from polypref.models.folders import LAST
from polypref.training.checkpoints import drop_unfinished, last_complete
from polypref.training.config import ConfigError, TrainingConfig
from polypref.training.places import anywhere

CONFIG = "training.json"  # the resolved configuration, beside the model


def checkpoint_of(out: Path, config: TrainingConfig) -> Path | None:
    """The checkpoint to go on from, if any.

    A folder that holds a model or another run is left alone; what a killed run left half-written is deleted.
    """
    checkpoint = last_complete(out)
    if (out / LAST).exists():
        raise ConfigError(f"{out} already holds a model; choose another --out, or add --overwrite")
    if config.resume:
        _check_same_run(out, config)
        drop_unfinished(out)
        return checkpoint
    if checkpoint:
        raise ConfigError(
            f"{out} holds an unfinished run ({checkpoint.name}); add --resume to go on, or delete it first"
        )
    return None


def begin(out: Path, config: TrainingConfig) -> None:
    """Make the run's folder and write its configuration there, from the first process alone."""
    if int(os.environ.get("RANK", 0)) > 0:
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_whole(out / CONFIG, anywhere(config).to_json())
    except OSError as error:
        raise ConfigError(f"cannot write {out}: {error.strerror}") from error


def _check_same_run(out: Path, config: TrainingConfig) -> None:
    """Refuse to go on with other settings than those the run was started with."""
    if not (out / CONFIG).exists():
        raise ConfigError(f"{out} holds no run to resume ({CONFIG} is missing); leave --resume out to start one")
    before = json.loads(TrainingConfig().to_json())  # what an older run does not name was as it is by default
    try:
        before |= json.loads((out / CONFIG).read_text(encoding="utf-8"))
    except (OSError, TypeError, ValueError) as error:
        raise ConfigError(f"cannot read {out / CONFIG} ({error}); start again with a new --out") from error
    before = {**json.loads(TrainingConfig().to_json()), **before}  # a setting it did not know yet had its default
    now = json.loads(config.to_json())
    same = json.loads(anywhere(config).to_json())  # version 0.1 wrote paths as they were given
    for name in now.keys() - {"resume", "out", "logging_steps", "report_to", "keep_checkpoints"}:
        if before[name] not in (same[name], now[name]):
            raise ConfigError(
                f"the run in {out} was started with {name} {before[name]!r}, not {now[name]!r}; resume it with the "
                "same settings, or start another with a new --out"
            )
