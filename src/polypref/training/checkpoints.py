"""Checkpoints of a run: ordinary models that can also be gone on from, complete or ignored."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from polypref.errors import PolyprefError
from polypref.files import remove_left
from polypref.models.encoder import StateEncoder
from polypref.models.extra import EXTRA
from polypref.models.folders import COMPLETE as COMPLETE
from polypref.models.folders import SAVING, remove_folder, staged_folder
from polypref.models.lora import has_lora
from polypref.models.preference_model import PreferenceModel
from polypref.models.saving import ADDED, CLASSIFIER

_OF_PERSONS = "tastes."  # what the names of their tensors begin with
_ADDED_AS = "gate."  # how version 0.1 began the names of what a head adds, in the file of adapters
TASTES = "tastes.safetensors"  # of persons without their names, which stand in the order of the alphabet
ADAPTED = "trainable.safetensors"  # adapters and state layer, which a merged checkpoint could not go on from


def write_checkpoint(folder: Path, model: PreferenceModel, module: nn.Module, weights: dict[str, Tensor]) -> None:
    """Write the weights of what is trained: a model that loads, or with adapters what is needed to go on."""
    from safetensors.torch import save_file

    with staged_folder(folder) as stage:
        if not isinstance(module, StateEncoder) or has_lora(model.encoder.classifier):
            trainable = {name for name, parameter in module.named_parameters() if parameter.requires_grad}
            own = {name: tensor.contiguous() for name, tensor in weights.items() if name in trainable}
            save_file(own, stage / ADAPTED)
            return
        model.write(stage, weights=weights)
        tastes = {name: tensor.contiguous() for name, tensor in weights.items() if name.startswith(_OF_PERSONS)}
        if tastes:
            save_file(tastes, stage / TASTES)


def read_weights(folder: Path, module: nn.Module) -> None:
    """Put the weights of a checkpoint into what is trained."""
    from safetensors.torch import load_file

    weights: dict[str, Any] = {}
    with undamaged(folder):
        for path in sorted(folder.glob("*.safetensors")):
            prefix = {EXTRA: ADDED, ADAPTED: "", TASTES: ""}.get(path.name, CLASSIFIER)
            weights.update({_named(prefix + name): tensor for name, tensor in load_file(path).items()})
    missing, unexpected = module.load_state_dict(weights, strict=False)
    trainable = {name for name, parameter in module.named_parameters() if parameter.requires_grad}
    if unexpected or trainable & set(missing):
        raise PolyprefError(f"the checkpoint {folder} is of another model: start with a new --out, or delete it")


def _named(weight: str) -> str:
    """The name that a weight of a checkpoint has today."""
    return ADDED + weight.removeprefix(_ADDED_AS) if weight.startswith(_ADDED_AS) else weight


def check_state(folder: Path) -> None:
    """Raise unless the checkpoint says how far the run was and how its optimiser stood."""
    with undamaged(folder):
        if not isinstance(json.loads((folder / "trainer_state.json").read_text(encoding="utf-8")), dict):
            raise ValueError("trainer_state.json is no mapping")
        for name in ("optimizer.pt", "scheduler.pt"):
            if not (folder / name).exists():
                raise FileNotFoundError(f"{name} is missing")


@contextmanager
def undamaged(folder: Path) -> Iterator[None]:
    """What libraries raise about files they cannot read, as one sentence."""
    from safetensors import SafetensorError

    try:
        yield
    except (
        SafetensorError,
        pickle.UnpicklingError,
        EOFError,
        OSError,
        RuntimeError,
        ValueError,
        KeyError,
        TypeError,
    ) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise PolyprefError(
            f"the checkpoint {folder} is damaged ({reason}); delete it to go on from an earlier one"
        ) from error


@contextmanager
def writing(folder: Path, leads: bool) -> Iterator[None]:
    """Write the rest of a checkpoint; if that fails, nothing of it stays."""
    if leads:
        (folder / COMPLETE).unlink(missing_ok=True)
    try:
        yield
    except (OSError, RuntimeError, PolyprefError) as error:
        if leads:
            remove_folder(folder)
        reason = str(error).strip().splitlines()[0]
        raise PolyprefError(
            f"the checkpoint {folder} could not be written ({reason}); those before are kept: make room, and go on "
            "with --resume"
        ) from error


def mark_complete(folder: Path) -> None:
    """Say that nothing is missing from a checkpoint."""
    (folder / COMPLETE).touch()


def complete_checkpoints(out: Path) -> list[Path]:
    """Those of a run that were written to their end, oldest first."""
    return sorted((path.parent for path in out.glob(f"checkpoint-*/{COMPLETE}")), key=_step)


def last_complete(out: Path) -> Path | None:
    """The newest checkpoint of a run that was written to its end."""
    return next(reversed(complete_checkpoints(out)), None)


def drop_old(out: Path, keep: int, best: Path | None) -> None:
    """Delete all complete checkpoints but the newest `keep` and the best."""
    for folder in complete_checkpoints(out)[:-keep]:
        if best is None or folder.resolve() != best.resolve():
            remove_folder(folder)


def drop_unfinished(out: Path) -> None:
    """Delete what a run that was killed left half-written, if there is such a run."""
    if not out.exists():
        return
    remove_left(out, SAVING)
    for folder in out.glob("checkpoint-*"):
        if not (folder / COMPLETE).exists():
            remove_folder(folder)


def _step(folder: Path) -> int:
    return int(folder.name.rpartition("-")[2])
