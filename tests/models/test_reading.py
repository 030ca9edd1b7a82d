"""Classifiers of strangers are read as their own forward reads them, or refused."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
import torch
from tests.models.conftest import GROUPED, UNFIT, make_checkpoint, vanilla_logits
from torch import Tensor
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, LlamaConfig, LlamaModel
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.models.llama.modeling_llama import LlamaForSequenceClassification

from polypref import Group
from polypref.models.embedded import BackboneError
from polypref.models.preference_model import PreferenceModel

GROUPS = [
    Group("What is better, the answer or the question?", ("The answer.", "A question is better", "answer is 42" * 4)),
    Group("Hi", ("Hello, how may I help you today? Ask me anything!", "\n.")),
]
ROPE = {"rope_type": "default", "rope_theta": 10000.0}
STRANGERS: dict[str, tuple[str, dict[str, Any]]] = {
    "compass": (
        "CohereCompassTextConfig",
        {**GROUPED, "pooling": "mean", "rope_parameters": {"full_attention": ROPE, "sliding_attention": ROPE}},
    ),
    "gemma": ("GemmaConfig", {**GROUPED, "head_dim": 8, "use_bidirectional_attention": True}),
}


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    """The folder of a tiny backbone of one of these architectures."""

    def made(name: str, **settings: Any) -> str:
        monkeypatch.setitem(UNFIT, name, STRANGERS[name])
        return str(make_checkpoint(name, tmp_path / name, **settings))

    return made


def assert_vanilla(model: PreferenceModel, folder, groups=GROUPS) -> None:
    model.save_pretrained(folder)
    own = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    for group, states in zip(groups, model.states(groups), strict=True):
        np.testing.assert_allclose(states, vanilla_logits(own, model, group), rtol=1e-4, atol=1e-4)


class MeanConfig(LlamaConfig):
    model_type = "llama_read_by_the_mean"


class MeanModel(LlamaModel):
    config_class = MeanConfig


class MeanForSequenceClassification(LlamaForSequenceClassification):
    """As somebody's remote code may be: `score` is there, and reads the mean of all tokens, padding included."""

    config_class = MeanConfig

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> SequenceClassifierOutput:
        hidden = self.model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).last_hidden_state
        return SequenceClassifierOutput(logits=self.score(hidden.mean(1)))


@pytest.fixture(scope="module")
def mean(tiny, tmp_path_factory):
    """A Llama whose class pools by the mean."""
    import json
    import shutil

    AutoConfig.register(MeanConfig.model_type, MeanConfig)
    AutoModel.register(MeanConfig, MeanModel)
    AutoModelForSequenceClassification.register(MeanConfig, MeanForSequenceClassification)
    folder = shutil.copytree(tiny("llama"), tmp_path_factory.mktemp("mean") / "mean")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": MeanConfig.model_type}))
    return str(folder)


def test_a_class_that_pools_otherwise_is_read_by_its_own_forward(mean, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        model = PreferenceModel.from_backbone(mean, "general", dim=4)
    assert "a way of its own" in caplog.text
    assert model.inputs.layout == "chat"
    assert_vanilla(model, tmp_path / "saved")
    again = PreferenceModel.from_pretrained(tmp_path / "saved")
    np.testing.assert_allclose(again.states(GROUPS[0]), model.states(GROUPS[0]), rtol=1e-5, atol=1e-5)


def test_features_of_such_a_class_are_what_its_last_layer_reads(mean):
    model = PreferenceModel.from_backbone(mean, "general", dim=4)
    (features,) = model.encoder.all_features([model.tokenize(GROUPS[0])])
    with torch.no_grad():
        states = model.encoder.state_layer(features)
    np.testing.assert_allclose(states, model.states(GROUPS[0]), rtol=1e-4, atol=1e-4)


def test_such_a_class_has_no_prompt_gate(mean):
    with pytest.raises(BackboneError, match="prompt gate"):
        PreferenceModel.from_backbone(mean, "general", dim=4, gate=True)


def test_packs_of_such_a_class_hold_one_input(mean):
    model = PreferenceModel.from_backbone(mean)
    encoder = model.encoder
    inputs = [model.tokenize(group) for group in GROUPS]
    assert [len(pack.members) for pack in encoder.packs(inputs, 10_000)] == [1] * 5
    assert sorted(at for filled in encoder.bins(inputs, 10_000) for at in filled) == [0, 1]


def test_a_mean_over_what_the_last_layer_makes_of_each_token(stranger, tmp_path):
    model = PreferenceModel.from_backbone(stranger("compass"), "general", dim=4)
    assert_vanilla(model, tmp_path / "saved")
    with pytest.raises(BackboneError, match="frozen"):
        model.encoder.all_features([model.tokenize(GROUPS[0])])


def test_attention_in_both_directions_that_padding_turns_off(stranger, tmp_path):
    """Gemma sees what follows only where no padding asks for a mask, which is causal."""
    model = PreferenceModel.from_backbone(stranger("gemma"), "general", dim=4, gate=True)
    assert model.encoder.reads_alone
    assert not model.encoder.shares_prompts
    assert_vanilla(model, tmp_path / "saved")


def test_plain_decoders_are_read_together(built):
    for name in ("llama", "bloom", "falcon", "qwen3_next"):
        assert built(name).encoder.reads_last_token
        assert not built(name).encoder.reads_alone
