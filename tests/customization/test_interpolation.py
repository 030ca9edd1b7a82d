"""Between the general and the customised model: every weight, and adapters by their share."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from polypref import Group, PreferenceModel
from polypref.customization.interpolation import interpolated
from polypref.errors import PolyprefError
from polypref.models.lora import Lora, merged
from tests.tolerance import near

GROUPS = [Group("What is it?", ("a question", "the answer of some kind", "red")), Group("And now?", ("better", "is"))]
GATED = {"head": "general", "dim": 4, "gate": True}


def shaken(model: PreferenceModel, seed: int = 0) -> PreferenceModel:
    """The model with noise on all weights that are trained."""
    noise = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.encoder.parameters():
            if parameter.requires_grad:
                parameter += 0.05 * torch.randn(parameter.shape, generator=noise)
    return model


def plain_weights(model: PreferenceModel) -> dict[str, np.ndarray]:
    weights = dict(merged(model.encoder.classifier).state_dict())
    if model.encoder.extra is not None:
        weights |= {f"extra.{name}": tensor for name, tensor in model.encoder.extra.state_dict().items()}
    return {name: tensor.numpy() for name, tensor in weights.items()}


@pytest.mark.parametrize("lora", [None, Lora(rank=2, alpha=4)], ids=["full", "lora"])
@pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0])
def test_every_weight_lies_between(decoder, alpha, lora):
    general = shaken(PreferenceModel.from_backbone(decoder, **GATED), 1)
    customized = PreferenceModel.from_backbone(decoder, **GATED, lora=lora)
    if lora:  # an adapter is trained on the general model's weights
        base = general.encoder.state_dict()
        own = {name: base.get(name.replace(".base_layer.", ".")) for name in customized.encoder.state_dict()}
        customized.encoder.load_state_dict({k: v for k, v in own.items() if v is not None}, strict=False)
    shaken(customized, 2)
    first, last = plain_weights(general), plain_weights(customized)
    between = interpolated(general, customized, alpha)
    found = plain_weights(between)
    assert found.keys() == first.keys() == last.keys()
    assert any(name.startswith("extra.") for name in found)
    assert not all(np.allclose(first[name], last[name]) for name in first)
    for name, values in found.items():
        near(values, (1 - alpha) * first[name] + alpha * last[name])


def test_the_ends_are_the_two_models(encoder):
    general, customized = PreferenceModel.from_backbone(encoder), shaken(PreferenceModel.from_backbone(encoder))
    for alpha, model in ((0.0, general), (1.0, customized)):
        for found, expected in zip(interpolated(general, customized, alpha).utilities(GROUPS), model.utilities(GROUPS)):
            near(found, expected)


def test_neither_model_is_changed(encoder):
    general, customized = PreferenceModel.from_backbone(encoder), shaken(PreferenceModel.from_backbone(encoder))
    before = plain_weights(customized)["classifier.weight"].copy()
    interpolated(general, customized, 0.5)
    np.testing.assert_array_equal(plain_weights(customized)["classifier.weight"], before)


def test_other_heads_and_backbones_are_refused(encoder, decoder):
    general = PreferenceModel.from_backbone(encoder)
    with pytest.raises(PolyprefError, match="with the same head"):
        interpolated(general, PreferenceModel.from_backbone(encoder, "gaussian"), 0.5)
    with pytest.raises(PolyprefError, match="on the same backbone"):
        interpolated(general, PreferenceModel.from_backbone(decoder), 0.5)
