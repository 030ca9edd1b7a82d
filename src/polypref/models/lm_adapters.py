"""Adapters of a language model, kept apart from the weights that they change: small folders on one base model."""

from __future__ import annotations

import copy
from pathlib import Path

import torch

from polypref.models.adapters import WEIGHTS, base_name, lora_weights, read_adapter
from polypref.models.causal import LanguageModel
from polypref.models.customized import ADAPTER
from polypref.models.embedded import BackboneError
from polypref.models.folders import staged_folder

_OURS = "default"  # what peft calls an adapter that has no name


def save_adapter(model: LanguageModel, path: Path, base: str) -> None:
    """Write the adapters of a model as peft does, whole or not at all; `base` is the model that they are of."""
    from peft import TaskType
    from safetensors.torch import save_file

    config = copy.copy(model.lm.peft_config[_OURS])
    config.base_model_name_or_path = base_name(base, path)
    config.task_type = TaskType.CAUSAL_LM
    config.inference_mode = True
    with staged_folder(path, last=ADAPTER) as folder:
        config.save_pretrained(str(folder))
        save_file(lora_weights(model.lm), folder / WEIGHTS, metadata={"format": "pt"})


def merge_adapter(model: LanguageModel, path: Path) -> None:
    """Change the weights of the base model for good."""
    read_adapter(str(path)).merge_into(model.lm)


def go_on_with_adapter(model: LanguageModel, path: Path) -> None:
    """Put what was saved into the adapters that a model was loaded with, to be trained further."""
    from safetensors.torch import load_file

    saved, own = load_file(path / WEIGHTS), lora_weights(model.lm)
    if {key: value.shape for key, value in saved.items()} != {key: value.shape for key, value in own.items()}:
        raise BackboneError(f"the adapter {str(path)!r} does not fit the model, whose adapters are others")
    with torch.no_grad():
        for key, value in own.items():
            value.copy_(saved[key])
