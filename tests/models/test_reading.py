"""Classifiers of strangers are read as their own forward reads them, or refused."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
import torch
from tests.models import conftest
from tests.models.conftest import ENCODERS, GROUPED, PLACES, SIZES, UNFIT, make_checkpoint, vanilla_logits
from torch import Tensor
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, LlamaConfig, LlamaModel
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.models.llama.modeling_llama import LlamaForSequenceClassification

from polypref import Group
from polypref.models.backbones import BackboneSettings
from polypref.models.embedded import BackboneError
from polypref.models.preference_model import PreferenceModel

GROUPS = [
    Group("What is better, the answer or the question?", ("The answer.", "A question is better", "answer is 42" * 4)),
    Group("Hi", ("Hello, how may I help you today? Ask me anything!", "\n.")),
]
SHORT = {**SIZES, "max_position_embeddings": 64}
ROPE = {"rope_type": "default", "rope_theta": 10000.0}
STRANGERS: dict[str, tuple[str, dict[str, Any]]] = {
    "compass": (
        "CohereCompassTextConfig",
        {**GROUPED, "pooling": "mean", "rope_parameters": {"full_attention": ROPE, "sliding_attention": ROPE}},
    ),
    "eurobert": ("EuroBertConfig", {**GROUPED, "classifier_pooling": "late", "mask_token_id": 3}),
    "t5gemma": ("T5GemmaConfig", {"encoder": {**GROUPED, "head_dim": 8}, "decoder": {**GROUPED, "head_dim": 8}}),
    "doge": ("DogeConfig", GROUPED),
    "axk2": ("AXK2Config", {**GROUPED, "num_key_value_heads": 4}),
    "opt-350m": (
        "OPTConfig",
        {
            **SIZES,
            **PLACES,
            "ffn_dim": 48,
            "word_embed_proj_dim": 16,
            "do_layer_norm_before": False,
        },
    ),
    "luke": ("LukeConfig", {**SHORT, "entity_vocab_size": 5, "entity_emb_size": 8, "type_vocab_size": 1}),
    "lilt": ("LiltConfig", {**SHORT, "hidden_size": 48, "channel_shrink_ratio": 2}),
    "markuplm": ("MarkupLMConfig", {**SHORT, "xpath_unit_hidden_size": 8}),
    "esm": ("EsmConfig", {**SHORT, "position_embedding_type": "absolute", "mask_token_id": 3}),
    "layoutlmv3": ("LayoutLMv3Config", {**SHORT, "coordinate_size": 4, "shape_size": 8, "visual_embed": False}),
    "bart": (
        "BartConfig",
        {
            "d_model": 32,
            "encoder_layers": 1,
            "decoder_layers": 1,
            "encoder_ffn_dim": 48,
            "decoder_ffn_dim": 48,
            "encoder_attention_heads": 4,
            "decoder_attention_heads": 4,
            **PLACES,
        },
    ),
    "minimax": (
        "MiniMaxConfig",
        {**GROUPED, "head_dim": 8, "num_local_experts": 2, "num_experts_per_tok": 1, "block_size": 16},
    ),
    "gemma": ("GemmaConfig", {**GROUPED, "head_dim": 8, "use_bidirectional_attention": True}),
}


OFFSET = ["luke", "lilt", "markuplm", "esm", "layoutlmv3"]  # count positions from behind the padding token
WITH_SEPARATORS = {*OFFSET, "eurobert", "t5gemma", "bart"}


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    """The folder of a tiny backbone of one of these architectures."""

    def made(name: str, **settings: Any) -> str:
        if name in WITH_SEPARATORS:
            monkeypatch.setattr(conftest, "ENCODERS", ENCODERS | {name})
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


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_linear_attention_is_never_shared(stranger, dtype, monkeypatch):
    """Not even where the states come out alike, as they may in half precision: it is asked of every layer."""
    monkeypatch.setattr("polypref.models.sharing._close", lambda *_: True)
    settings = BackboneSettings(dtype=dtype)
    model = PreferenceModel.from_backbone(stranger("minimax"), "general", dim=4, backbone=settings)
    assert not model.encoder.shares_prompts
    assert PreferenceModel.from_backbone(stranger("opt-350m"), backbone=settings).encoder.shares_prompts


def test_linear_attention_gives_the_states_of_vanilla_transformers(stranger, tmp_path):
    assert_vanilla(PreferenceModel.from_backbone(stranger("minimax"), "general", dim=4), tmp_path / "saved")


def test_plain_decoders_are_read_together(built):
    for name in ("llama", "bloom", "falcon", "qwen3_next"):
        assert built(name).encoder.reads_last_token
        assert not built(name).encoder.reads_alone


def test_a_mean_over_the_logits_of_every_token(stranger, tmp_path):
    assert_vanilla(PreferenceModel.from_backbone(stranger("eurobert"), "general", dim=4), tmp_path / "saved")


def test_an_encoder_decoder_that_reads_padding_is_refused(stranger):
    with pytest.raises(BackboneError, match=r"T5GemmaForSequenceClassification .* padding"):
        PreferenceModel.from_backbone(stranger("t5gemma"))


@pytest.mark.parametrize("name", ["doge", "axk2"])
def test_attention_that_makes_something_of_its_mask_is_not_shared(stranger, tmp_path, name):
    model = PreferenceModel.from_backbone(stranger(name), "general", dim=4)
    assert not model.encoder.shares_prompts
    assert_vanilla(model, tmp_path / "saved")


def test_a_prompt_gate_reads_projected_hidden_states(stranger, tmp_path):
    model = PreferenceModel.from_backbone(stranger("opt-350m"), "general", dim=4, gate=True)
    assert model.encoder.shares_prompts
    assert_vanilla(model, tmp_path / "saved")
    again = PreferenceModel.from_pretrained(tmp_path / "saved")
    np.testing.assert_allclose(again.preferences(GROUPS[0]), model.preferences(GROUPS[0]), atol=1e-5)


@pytest.mark.parametrize("name", OFFSET)
def test_positions_counted_from_behind_the_padding_leave_room_for_fewer_tokens(stranger, tmp_path, name):
    model = PreferenceModel.from_backbone(stranger(name), "general", dim=4, max_length=1000)
    assert model.inputs.max_length == 63
    assert_vanilla(model, tmp_path / "saved", [Group("Why?", ("q#" * 100, "the answer"))])


def test_end_tokens_in_a_response(stranger, tmp_path):
    """BART wants as many of them in every row of a batch."""
    model = PreferenceModel.from_backbone(stranger("bart"), "general", dim=4)
    groups = [Group("Why?", ("a </s> b", "c", "</s></s>", "the question")), *GROUPS]
    packs = model.encoder.packs([model.tokenize(group) for group in groups], 10_000)
    assert sorted(len(pack.members) for pack in packs) == [1, 1, 7]
    assert_vanilla(model, tmp_path / "saved", groups)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile:UserWarning")
def test_flex_attention_has_gradients_on_the_cpu(tiny):
    gradients = []
    for attention in ("flex_attention", "sdpa"):
        settings = BackboneSettings(attention=attention)
        model = PreferenceModel.from_backbone(tiny("mistral"), "general", dim=4, backbone=settings)
        (pack,) = model.encoder.packs([model.tokenize(GROUPS[0])], 10_000)
        model.encoder(pack).square().sum().backward()
        gradients.append(model.encoder.classifier.get_input_embeddings().weight.grad)
    assert gradients[0].abs().max() > 0
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-3)
