"""Adapters kept apart from the weights that they change: read, checked, written, merged; other people's too."""

from __future__ import annotations

import copy
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from polypref.errors import PolyprefError
from polypref.models.backbones import (
    BackboneSettings,
    agree_on_padding,
    load_classifier,
    load_config,
    load_tokenizer,
    plain_errors,
)
from polypref.models.customized import ADAPTER
from polypref.models.embedded import BackboneError, resolve
from polypref.models.folders import check_place
from polypref.models.lora import Lora as Lora  # where it was before
from polypref.models.lora import is_transposed, need_peft
from polypref.models.screening import check_weights

WEIGHTS = "adapter_model.safetensors"
_STATE_LAYERS = ("score.weight", "classifier.weight", "classifier.out_proj.weight")
_PEFT = "base_model.model."  # what peft puts before the names of weights
_OURS = "default"  # what peft calls an adapter that has no name
_A, _B = ".lora_A.weight", ".lora_B.weight"
_LONGEST_BASE = 1000  # characters of a base model's path or id
_VARIANTS = ("use_dora", "use_rslora", "lora_bias", "rank_pattern", "alpha_pattern", "megatron_config")


def names_adapter(name: str) -> bool:
    """Whether a folder holds an adapter rather than a model."""
    return (Path(name) / ADAPTER).exists()


@dataclass(frozen=True, eq=False)
class Adapter:
    """What makes another model of a base model: W + BA for the weights of some layers, and layers of its own."""

    low_rank: dict[str, tuple[Tensor, Tensor]]  # layer -> A [rank, inputs] and B [outputs, rank], scaled
    own: dict[str, Tensor]  # the parameters of the classification layer, which stand in for the base model's

    def check(self, classifier: Any, name: str) -> None:
        """Refuse a base model whose layers are others."""
        layers = dict(classifier.named_modules())
        base = f"{classifier.base_model_prefix}."
        outside = {key: part for key, part in classifier.named_parameters() if not key.startswith(base)}
        fits = self.own.keys() == outside.keys() and self.low_rank.keys() <= layers.keys()
        fits = fits and all(self.own[key].shape[1:] == part.shape[1:] for key, part in outside.items())
        if not fits or any((len(B), A.shape[1]) != _sizes(layers[key]) for key, (A, B) in self.low_rank.items()):
            raise BackboneError(f"the adapter {name!r} does not fit its base model, whose layers are others")

    def to(self, device: torch.device, dtype: torch.dtype) -> Adapter:
        """The same adapter in another place or precision."""
        return Adapter(
            {key: (A.to(device, dtype), B.to(device, dtype)) for key, (A, B) in self.low_rank.items()},
            {key: tensor.to(device, dtype) for key, tensor in self.own.items()},
        )

    def merge_into(self, classifier: Any) -> None:
        """Change the weights of the base model for good."""
        with torch.no_grad():
            for key, (A, B) in self.low_rank.items():
                layer = classifier.get_submodule(key)
                delta = (B.float() @ A.float()).to(layer.weight)
                layer.weight += delta.T if is_transposed(layer) else delta
            for key, tensor in self.own.items():
                set_parameter(classifier, key, nn.Parameter(tensor.to(classifier.dtype)))


def set_parameter(module: nn.Module, name: str, parameter: nn.Parameter) -> None:
    """Put a parameter in the place of another."""
    owner, _, leaf = name.rpartition(".")
    setattr(module.get_submodule(owner), leaf, parameter)


def _sizes(layer: Any) -> tuple[int, int]:
    """Outputs and inputs of a linear layer."""
    return (layer.nf, layer.nx) if is_transposed(layer) else (layer.out_features, layer.in_features)


def adapter_weights(classifier: Any) -> dict[str, Tensor]:
    """The weights of adapters and classification layer, under the names that peft gives them."""
    base = f"{classifier.base_model_prefix}."
    outside = {name: part for name, part in classifier.named_parameters() if not name.startswith(base)}
    own = {_published(name): part.detach().contiguous() for name, part in outside.items()}
    return {**lora_weights(classifier), **own}


def lora_weights(model: Any) -> dict[str, Tensor]:
    """The weights of adapters alone, under the names that peft gives them."""
    found = {}
    for name, parameter in model.named_parameters():
        if name.endswith((f".lora_A.{_OURS}.weight", f".lora_B.{_OURS}.weight")):
            found[_published(name)] = parameter.detach().contiguous()
        elif ".lora_" in name:
            raise BackboneError(f"adapters can be kept apart if all are of linear layers; {name} is not, so merge them")
    return found


def _published(name: str) -> str:
    return _PEFT + name.replace(f".{_OURS}.", ".")


def write_adapter(classifier: Any, folder: Path, base: str) -> None:
    """The files that peft knows: its configuration, which names the base model, and the weights."""
    from peft import LoraConfig, TaskType
    from safetensors.torch import save_file

    config: LoraConfig = copy.copy(classifier.peft_config[_OURS])
    config.base_model_name_or_path = base
    config.task_type = TaskType.SEQ_CLS
    config.inference_mode = True
    config.modules_to_save = [
        name
        for name, part in classifier.named_children()
        if name != classifier.base_model_prefix and any(True for _ in part.parameters())
    ]
    config.save_pretrained(str(folder))
    save_file(adapter_weights(classifier), folder / WEIGHTS, metadata={"format": "pt"})


def read_adapter(name: str) -> Adapter:
    """An adapter that `write_adapter` wrote; peft is not needed for it."""
    from safetensors.torch import load_file

    with plain_errors(name):
        config = json.loads((Path(name) / ADAPTER).read_text(encoding="utf-8"))
        scale = config["lora_alpha"] / config["r"]
        tensors = {key.removeprefix(_PEFT): value for key, value in load_file(Path(name) / WEIGHTS).items()}
    if any(config.get(variant) for variant in _VARIANTS):
        raise BackboneError(f"the adapter {name!r} is no plain LoRA; merge it with peft, and name that model")
    low_rank = {}
    for key in [key for key in tensors if key.endswith(_A)]:
        layer = key.removesuffix(_A)
        if layer + _B not in tensors:
            raise BackboneError(f"the adapter {name!r} is damaged: it has no {layer + _B}")
        low_rank[layer] = tensors.pop(key), tensors.pop(layer + _B) * scale
    return Adapter(low_rank, tensors)


def base_of(name: str) -> str:
    """The base model that an adapter names; a path that begins with a dot starts from the adapter's folder."""
    base = _named_base(name)
    try:
        check_place(base)
        check_weights(resolve(base))
    except PolyprefError as error:
        raise BackboneError(f"the base model of the adapter {name!r}: {error}") from error
    return base


def _named_base(name: str) -> str:
    with plain_errors(name):
        config = json.loads((Path(name) / ADAPTER).read_text(encoding="utf-8"))
        base = config.get("base_model_name_or_path")
    if base and (not isinstance(base, str) or len(base) > _LONGEST_BASE or "\0" in base):
        raise BackboneError(f"the adapter {name!r} names a base model that is no path or id; correct {ADAPTER}")
    if not base:
        raise BackboneError(f"the adapter {name!r} lacks its base model's name")
    return os.path.normpath(Path(name).absolute() / base) if str(base).startswith(".") else str(base)


def base_name(base: str, folder: Path) -> str:
    """What an adapter in `folder` calls its base model: a path from there if both lie in one folder, to be moved
    together; an absolute path or an id otherwise."""
    place = Path(base)
    if not place.exists():
        return base
    beside = place.absolute().parent in folder.absolute().parents
    return os.path.relpath(place.absolute(), folder.absolute()) if beside else str(place.absolute())


def load_own_adapter(name: str, width: int, settings: BackboneSettings) -> tuple[Any, Any]:
    """The base model with an adapter of ours merged into it, of `width` logits, and the base model's tokenizer."""
    if settings.quantization:
        raise BackboneError(f"the adapter {name!r} cannot be merged into quantised weights; leave quantization out")
    adapter = read_adapter(name)
    classifier, tokenizer = load_classifier(base_of(name), width, settings)
    adapter.check(classifier, name)
    adapter.merge_into(classifier)
    return classifier, tokenizer


def load_adapter(name: str, settings: BackboneSettings) -> tuple[Any, Any, Any]:
    """A reward model saved as an adapter on its base model: classifier with the adapter merged, tokenizer, and the
    base model's configuration. A tokenizer that lies beside the adapter is the one it was trained with."""
    from safetensors import safe_open

    peft = need_peft()
    base, weights = base_of(name), Path(name) / WEIGHTS
    if not weights.exists():
        raise BackboneError(f"the adapter {name!r} lacks its weights ({WEIGHTS})")
    with plain_errors(name), safe_open(weights, framework="pt") as file:
        heads = [key for key in file.keys() if key.endswith(_STATE_LAYERS)]  # noqa: SIM118
        widths = {file.get_slice(key).get_shape()[0] for key in heads}
    if widths != {1}:
        raise BackboneError(f"the adapter {name!r} holds no classification layer with one logit, as a reward model has")
    config = load_config(base, settings)
    classifier, tokenizer = load_classifier(base, 1, settings)
    if (Path(name) / "tokenizer_config.json").exists():
        tokenizer = load_tokenizer(name, settings)
    classifier.config.get_text_config().pad_token_id = config.get_text_config().pad_token_id  # as it was trained
    agree_on_padding(classifier, tokenizer, settings.state_token, is_trained=True)
    with plain_errors(name):
        classifier = peft.PeftModel.from_pretrained(classifier, name).merge_and_unload()
    return classifier, tokenizer, config
