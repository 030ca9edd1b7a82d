"""Checkpoints of a run: ordinary models that can also be gone on from, complete or ignored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from polypref.errors import PolyprefError
from polypref.models.adapters import has_lora
from polypref.models.encoder import StateEncoder
from polypref.models.folders import staged_folder
from polypref.models.preference_model import CLASSIFIER, EXTRA, GATE, PreferenceModel

COMPLETE = "complete"  # a file that is written when everything else is
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


def read_weights(folder: Path, module: nn.Module) -> None:
    """Put the weights of a checkpoint into what is trained."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    weights: dict[str, Any] = {}
    try:
        for path in sorted(folder.glob("*.safetensors")):
            prefix = {EXTRA: GATE, ADAPTED: ""}.get(path.name, CLASSIFIER)
            weights.update({prefix + name: tensor for name, tensor in load_file(path).items()})
    except SafetensorError as error:
        raise PolyprefError(
            f"the checkpoint {folder} is damaged ({error}); delete it to go on from an earlier one"
        ) from error
    missing, unexpected = module.load_state_dict(weights, strict=False)
    trainable = {name for name, parameter in module.named_parameters() if parameter.requires_grad}
    if unexpected or trainable & set(missing):
        raise PolyprefError(f"the checkpoint {folder} is of another model: start with a new --out, or delete it")


def mark_complete(folder: Path) -> None:
    """Say that nothing is missing from a checkpoint."""
    (folder / COMPLETE).touch()


def last_complete(out: Path) -> Path | None:
    """The newest checkpoint of a run that was written to its end."""
    found = [path.parent for path in out.glob(f"checkpoint-*/{COMPLETE}")]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
