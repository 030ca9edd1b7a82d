"""LoRA: adapters start without effect, alone are trained, and leave an ordinary checkpoint."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.tolerance import ANOTHER_WAY, near
from transformers import AutoModelForSequenceClassification

from polypref import Group
from polypref.models.lora import Lora, has_lora
from polypref.models.preference_model import PreferenceModel

GROUP = Group("What is better, the answer or the question?", ("The answer.", "A question is better", "the answer"))
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning:")  # of peft
BASES = {"llama": "score", "gpt2": "score", "bert": "classifier", "roberta": "classifier"}


def disturb(model, seed=1):
    """Give every trained parameter another value, as training would."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter += 0.3 * torch.randn(parameter.shape, generator=generator)


@pytest.fixture
def adapted(tiny):
    return lambda name, **settings: PreferenceModel.from_backbone(tiny(name), "general", dim=4, lora=Lora(**settings))


@pytest.mark.parametrize("name", BASES)
def test_only_adapters_and_the_classification_layer_are_trained(adapted, name):
    classifier = adapted(name, rank=2).encoder.classifier
    trained = {key for key, parameter in classifier.named_parameters() if parameter.requires_grad}
    base = f"{classifier.base_model_prefix}."
    inside = {key for key in trained if key.startswith(base)}
    assert inside
    assert all("lora_" in key for key in inside)
    outside = {key for key, _ in classifier.named_parameters() if not key.startswith(base)}
    assert outside <= trained


def test_adapters_start_without_effect(adapted, built):
    near(adapted("llama").states(GROUP), built("llama").states(GROUP))


def test_named_layers_only_get_adapters(adapted):
    classifier = adapted("llama", targets=("q_proj", "v_proj")).encoder.classifier
    held = {key.split(".")[-4] for key, _ in classifier.named_parameters() if "lora_" in key}
    assert held == {"q_proj", "v_proj"}


@pytest.mark.parametrize("name", BASES)
def test_a_model_with_adapters_is_saved_merged_and_comes_back_equal(adapted, tmp_path, name):
    model = adapted(name, rank=2)
    before = model.states(GROUP)
    disturb(model.encoder)
    expected = model.states(GROUP)
    assert np.abs(expected - before).max() > 0.01
    model.save_pretrained(tmp_path)
    assert has_lora(model.encoder.classifier)  # training can go on
    near(model.states(GROUP), expected)
    again = PreferenceModel.from_pretrained(tmp_path)
    assert not has_lora(again.encoder.classifier)
    near(again.states(GROUP), expected, roundings=ANOTHER_WAY)
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert not [key for key in plain.state_dict() if "lora" in key or "base_layer" in key]
    assert not (tmp_path / "adapter_config.json").exists()


def test_prompts_are_shared_under_adapters_too(adapted):
    assert adapted("llama").encoder.shares_prompts


def test_without_peft_models_are_saved_and_hold_no_adapters(built, tmp_path, without_peft):
    model = built("llama", "scalar")
    assert not has_lora(model.encoder.classifier)
    model.save_pretrained(tmp_path)
    assert (tmp_path / "config.json").exists()
