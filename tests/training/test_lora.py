"""Adapters: they and the state layer change, nothing else does, and what is saved is a plain model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from polypref import PreferenceModel
from polypref.training.recipe import train
from tests.tolerance import ANOTHER_WAY, near

from .conftest import make_groups, weights_of

GROUPS = make_groups(16)


@pytest.mark.parametrize("backbone", ["llama", "bert"])
def test_only_adapters_and_state_layer_change(settings, tiny, backbone):
    before = PreferenceModel.from_backbone(tiny(backbone), "general").encoder.classifier.state_dict()
    config = settings(backbone=backbone, head="general", lora={"rank": 2, "alpha": 4}, state_layer_rate=10.0)
    model = train(config, GROUPS).model.encoder.classifier
    changed = set()
    for name, tensor in model.state_dict().items():
        plain = name.replace(".base_layer", "")
        if plain in before and not torch.equal(tensor, before[plain]):
            changed.add(plain)
    layer = "score.weight" if backbone == "llama" else "classifier.weight"
    assert changed <= {layer, layer.replace("weight", "bias")}
    assert layer in changed
    adapters = {name: p for name, p in model.named_parameters() if "lora_B" in name}
    assert adapters
    assert all(p.abs().max() > 0 for p in adapters.values())


def test_only_the_named_layers_get_adapters(settings):
    model = train(settings(lora={"rank": 2, "alpha": 4, "targets": ["q_proj"]}), GROUPS[:8]).model
    adapted = {name.split(".lora_")[0] for name, _ in model.encoder.named_parameters() if ".lora_" in name}
    assert {name.rpartition(".")[2] for name in adapted} == {"q_proj"}


@pytest.mark.parametrize("backbone", ["llama", "bert"])
def test_the_saved_model_is_plain_and_vanilla_transformers_computes_its_states(settings, tiny, backbone):
    from transformers import AutoModelForSequenceClassification

    result = train(settings(backbone=backbone, head="general", lora={"rank": 2, "alpha": 4}), GROUPS)
    assert not any("lora" in name for name in weights_of(result.out))
    vanilla = AutoModelForSequenceClassification.from_pretrained(result.out).eval()
    model = PreferenceModel.from_pretrained(result.out)
    for group in GROUPS[:2]:
        expected = result.model.states(group)
        near(model.states(group), expected, roundings=ANOTHER_WAY)
        for item, state in zip(model.tokenize(group), expected, strict=True):
            ids = torch.from_numpy(item.tokens[None].astype("int64"))
            types = (torch.arange(ids.shape[1])[None] > item.boundary).long()
            with torch.no_grad():
                logits = vanilla(ids, **({"token_type_ids": types} if backbone == "bert" else {})).logits[0]
            near(logits, state, roundings=ANOTHER_WAY)


def test_checkpoints_hold_the_adapters_alone(settings):
    config = settings(lora={"rank": 2, "alpha": 4}, save_steps=1)
    train(config, GROUPS)
    names = set(weights_of(Path(config.out) / "checkpoint-2"))
    assert names
    assert all(".lora_" in name or name.endswith("score.weight") for name in names)


def test_the_best_of_several_adapters_is_kept(settings):
    config = settings(lora={"rank": 2, "alpha": 4}, epochs=6, learning_rate=0.05, best_metric="loss")
    result = train(config, GROUPS, make_groups(8, seed=9))
    during = [entry["eval_loss"] for entry in result.history if "eval_loss" in entry][:-1]
    assert result.metrics["eval_loss"] == pytest.approx(min(during), rel=1e-6)
