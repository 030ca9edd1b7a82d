"""Runs as they lie in folders: what was trained, with which settings, and how it went."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from polypref.customization.tradeoff import read_tradeoff
from polypref.errors import DataError
from polypref.models.customized import GENERAL, domain_folder, domain_names, has_general, is_customized
from polypref.models.folders import LAST
from polypref.models.heads import plain_head
from polypref.reporting.contents import Run
from polypref.training.recipe import HISTORY
from polypref.training.resuming import CONFIG

_CURVES = ("loss", "eval_loss", "eval_accuracy", "eval_wasserstein")
_MOST_POINTS = 300  # of a curve; more cannot be told apart on the page
_SHOWN = ("objective", "backbone", "epochs", "batch_size", "learning_rate", "max_length", "seed")


def model_folders(folder: Path) -> list[Path]:
    """The models in a run's folder: itself, or the general model and those of the domains where it was customised."""
    if (folder / LAST).is_file():
        return [folder]
    if not is_customized(folder):
        reason = "is no folder of a trained model" if folder.is_dir() else "is no folder"
        raise DataError(f"{reason}: expected what polypref train, customize or align writes to its --out", file=folder)
    domains = [domain_folder(folder, name) for name in domain_names(folder)]
    return [*([folder / GENERAL] if has_general(folder) else []), *domains]


def read_runs(folders: Sequence[Path]) -> tuple[Run, ...]:
    """The runs in some folders, each under the shortest name that tells it from the others."""
    paths = list(dict.fromkeys(path for folder in folders for path in model_folders(folder)))
    return tuple(_read_run(path, name) for path, name in zip(paths, short_names(paths)))


def _read_run(folder: Path, name: str) -> Run:
    block = read_json(folder / LAST, dict).get("polypref", {})
    config: dict[str, Any] = read_json(folder / CONFIG, dict) if (folder / CONFIG).is_file() else {}
    history: list[Any] = read_json(folder / HISTORY, list) if (folder / HISTORY).is_file() else []
    settings = {key: _shown(config[key]) for key in _SHOWN if config.get(key) is not None}
    if config:
        settings["trains"] = "last layer" if config.get("frozen") else "adapters" if config.get("lora") else "all"
    training = block.get("training", {}) if isinstance(block, dict) else {}
    if isinstance(training, dict) and "steps" in training:
        settings["steps"] = _shown(training["steps"])
    curves = {curve: points for curve in _CURVES if (points := _points(history, curve))}
    plain = plain_head().name
    head = str(block.get("head", plain)) if isinstance(block, dict) else plain
    return Run(name, str(folder), head, settings, curves, read_tradeoff(folder))


def _points(history: Sequence[Any], name: str) -> tuple[tuple[float, float], ...]:
    entries = [entry for entry in history if isinstance(entry, dict) and name in entry and "step" in entry]
    points = [(float(entry["step"]), float(entry[name])) for entry in entries]
    every = -(-len(points) // _MOST_POINTS) or 1
    return (*points[:-1:every], *points[-1:])


def read_json(path: Path, kind: type) -> Any:
    """A JSON file that holds a value of this type."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read ({error})", file=path) from error
    if not isinstance(value, kind):
        raise DataError(f"holds no {kind.__name__}, as polypref train writes it", file=path)
    return value


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def short_names(paths: Sequence[Path]) -> list[str]:
    """The fewest last parts of each path that make the names different."""
    whole = [path.resolve().parts for path in paths]
    for length in range(1, max(map(len, whole), default=1) + 1):
        names = ["/".join(parts[-length:]) for parts in whole]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]
