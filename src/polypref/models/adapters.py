"""LoRA: adapters trained in a backbone, merged into an ordinary checkpoint when saved, and read from other people's."""

from __future__ import annotations

import copy
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polypref.models.backbones import (
    BackboneSettings,
    agree_on_padding,
    load_classifier,
    load_config,
    load_tokenizer,
    plain_errors,
)
from polypref.models.embedded import BackboneError

_STATE_LAYERS = ("score.weight", "classifier.weight", "classifier.out_proj.weight")


@dataclass(frozen=True)
class Lora:
    """Settings of the adapters (Hu et al. 2021); the classification layer is always trained in full."""

    rank: int = 16
    alpha: int = 32
    targets: tuple[str, ...] | str = "all-linear"  # names of layers, or all linear layers of the backbone


def add_lora(classifier: Any, lora: Lora) -> None:
    """Put adapters into the classifier and freeze everything else but its classification layer."""
    from peft import LoraConfig, inject_adapter_in_model

    base = classifier.base_model_prefix
    targets = lora.targets if isinstance(lora.targets, str) else list(lora.targets)
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        target_modules=_linear_layers(classifier) if targets == "all-linear" else targets,
        fan_in_fan_out=_transposed(classifier),
    )
    inject_adapter_in_model(config, classifier)
    for name, parameter in classifier.named_parameters():
        if not name.startswith(f"{base}."):
            parameter.requires_grad_(True)


def has_lora(classifier: Any) -> bool:
    """Whether adapters were put into the classifier, which peft, an optional dependency, must have done."""
    if sys.modules.get("peft") is None:
        return False
    from peft.tuners.tuners_utils import BaseTunerLayer

    return any(isinstance(part, BaseTunerLayer) for part in classifier.modules())


def merged(classifier: Any) -> Any:
    """The classifier as plain layers: itself, or a copy with its adapters merged."""
    if not has_lora(classifier):
        return classifier
    from peft.tuners.tuners_utils import BaseTunerLayer

    plain = copy.deepcopy(classifier)
    for name, part in list(plain.named_modules()):
        if isinstance(part, BaseTunerLayer):
            part.merge()
            owner, _, leaf = name.rpartition(".")
            setattr(plain.get_submodule(owner), leaf, part.get_base_layer())
    plain._hf_peft_config_loaded = False
    return plain


def names_adapter(name: str) -> bool:
    """Whether a folder holds an adapter rather than a model."""
    return (Path(name) / "adapter_config.json").exists()


def load_adapter(name: str, settings: BackboneSettings) -> tuple[Any, Any, Any]:
    """A reward model saved as an adapter on its base model: classifier with the adapter merged, tokenizer, and the
    base model's configuration. A tokenizer that lies beside the adapter is the one it was trained with."""
    from peft import PeftModel
    from safetensors import safe_open

    weights = Path(name) / "adapter_model.safetensors"
    with plain_errors(name):
        base = json.loads((Path(name) / "adapter_config.json").read_text(encoding="utf-8")).get(
            "base_model_name_or_path"
        )
    if not base or not weights.exists():
        raise BackboneError(f"the adapter {name!r} lacks its base model's name or {weights.name}")
    with plain_errors(name), safe_open(weights, framework="pt") as file:
        heads = [key for key in file.keys() if key.endswith(_STATE_LAYERS)]  # noqa: SIM118
        widths = {file.get_slice(key).get_shape()[0] for key in heads}
    if widths != {1}:
        raise BackboneError(f"the adapter {name!r} holds no classification layer with one logit, as a reward model has")
    classifier, tokenizer = load_classifier(base, 1, settings)
    if (Path(name) / "tokenizer_config.json").exists():
        tokenizer = load_tokenizer(name, settings)
        agree_on_padding(classifier, tokenizer)
    with plain_errors(name):
        classifier = PeftModel.from_pretrained(classifier, name).merge_and_unload()
    return classifier, tokenizer, load_config(base, settings)


def _linear_layers(classifier: Any) -> list[str]:
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    base = classifier.base_model
    return sorted(
        {name.rpartition(".")[2] for name, part in base.named_modules() if isinstance(part, (nn.Linear, Conv1D))}
    )


def _transposed(classifier: Any) -> bool:
    """Whether linear layers are GPT-2's, which store their weights the other way round."""
    from transformers.pytorch_utils import Conv1D

    return any(isinstance(part, Conv1D) for part in classifier.modules())
