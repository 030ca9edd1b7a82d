"""Models between the general and the customised one: θ(α) = (1−α)·general + α·customised, over the whole encoder."""

from __future__ import annotations

import copy

from torch import Tensor, lerp

from polypref.errors import PolyprefError
from polypref.models.preference_model import PreferenceModel

_UP, _DOWN = ".lora_B.", ".lora_A."  # an adapter adds B·A to a layer


def interpolated(general: PreferenceModel, customized: PreferenceModel, alpha: float) -> PreferenceModel:
    """The model at `alpha`: 0 is the general one, 1 the customised; backbone, state layer and what the head adds alike.

    Adapters of the customised model stay adapters: W + α·B·A.
    """
    _check_alike(general, customized)
    ours = general.encoder.state_dict()
    weights: dict[str, Tensor] = {}
    for name, theirs in customized.encoder.state_dict().items():
        if _UP in name:
            weights[name] = theirs * alpha
        elif _DOWN in name or not theirs.is_floating_point():
            weights[name] = theirs
        else:
            weights[name] = lerp(ours[_plain(name)].to(theirs), theirs, alpha)
    between = copy.copy(customized)
    between.encoder = copy.deepcopy(customized.encoder)
    between.encoder.load_state_dict(weights)
    return between


def _check_alike(general: PreferenceModel, customized: PreferenceModel) -> None:
    if general.head != customized.head:
        raise PolyprefError(
            f"weights can be interpolated between models with the same head, and the general one has {general.head}, "
            f"the customised one {customized.head}; leave interpolation out"
        )
    ours = {name: tensor.shape for name, tensor in general.encoder.state_dict().items()}
    theirs = {
        _plain(name): tensor.shape
        for name, tensor in customized.encoder.state_dict().items()
        if _UP not in name and _DOWN not in name
    }
    if ours != theirs:
        raise PolyprefError(
            "weights can be interpolated between models on the same backbone, and these have different weights; start "
            "the customised one from the general one"
        )


def _plain(name: str) -> str:
    """The name of a weight without an adapter around its layer."""
    return name.replace(".base_layer.", ".")
