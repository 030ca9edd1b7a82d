"""LoRA: adapters put into a backbone to be trained, and merged into its weights afterwards."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import nn

from polypref.models.embedded import BackboneError


@dataclass(frozen=True)
class Lora:
    """Settings of the adapters (Hu et al. 2021); the classification layer is always trained in full."""

    rank: int = 16
    alpha: int = 32
    targets: tuple[str, ...] | str = "all-linear"  # names of layers, or all linear layers of the backbone


def add_lora(classifier: Any, lora: Lora) -> None:
    """Put adapters into the classifier and freeze everything else but its classification layer."""
    put_adapters(classifier, lora)
    base = classifier.base_model_prefix
    for name, parameter in classifier.named_parameters():
        if not name.startswith(f"{base}."):
            parameter.requires_grad_(True)


def put_adapters(classifier: Any, lora: Lora) -> None:
    """Put adapters into a model and freeze everything else."""
    need_peft().inject_adapter_in_model(peft_config(classifier, lora), classifier)


def peft_config(classifier: Any, lora: Lora) -> Any:
    """The settings of a model's adapters, as peft takes them."""
    targets = lora.targets if isinstance(lora.targets, str) else list(lora.targets)
    if targets == "all-linear":
        targets = _linear_layers(classifier)
    return need_peft().LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        target_modules=targets,
        exclude_modules=_of_the_same_name(classifier, targets),
        fan_in_fan_out=_transposed(classifier),
    )


def need_peft() -> Any:
    try:
        import peft
    except ImportError:
        raise BackboneError("adapters need peft: pip install peft") from None
    return peft


def has_lora(classifier: Any) -> bool:
    """Whether adapters were put into the classifier, which peft, an optional dependency, must have done."""
    if sys.modules.get("peft") is None:
        return False
    from peft.tuners.tuners_utils import BaseTunerLayer

    return any(isinstance(part, BaseTunerLayer) for part in classifier.modules())


@contextmanager
def without_adapters(model: Any) -> Iterator[None]:
    """The model as it was before adapters were put into it; afterwards they are in use again, and trained."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    layers = [part for part in model.modules() if isinstance(part, BaseTunerLayer)]
    trained = {part: part.requires_grad for part in model.parameters()}
    for layer in layers:
        layer.enable_adapters(False)
    try:
        yield
    finally:
        for layer in layers:
            layer.enable_adapters(True)
        for part, is_trained in trained.items():
            part.requires_grad_(is_trained)


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


def _linear_layers(classifier: Any) -> list[str]:
    from transformers.pytorch_utils import Conv1D

    base = classifier.base_model
    return sorted(
        {name.rpartition(".")[2] for name, part in base.named_modules() if isinstance(part, (nn.Linear, Conv1D))}
    )


def _of_the_same_name(classifier: Any, targets: list[str] | str) -> list[str] | None:
    """The linear layers outside the backbone that are called as some in it are; they are trained in full."""
    base = f"{classifier.base_model_prefix}."
    outside = [name for name, part in classifier.named_modules() if isinstance(part, nn.Linear)]
    return [name for name in outside if not name.startswith(base) and name.rpartition(".")[2] in targets] or None


def _transposed(classifier: Any) -> bool:
    """Whether linear layers are GPT-2's, which store their weights the other way round."""
    return any(is_transposed(part) for part in classifier.modules())


def is_transposed(layer: nn.Module) -> bool:
    from transformers.pytorch_utils import Conv1D

    return isinstance(layer, Conv1D)
