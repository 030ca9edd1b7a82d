"""Tiny checkpoints of many architectures, with random weights and a small tokenizer, and what vanilla says of them."""

from __future__ import annotations

import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoModel, AutoModelForSequenceClassification, PreTrainedTokenizerFast

from polypref import Group
from polypref.models.preference_model import PreferenceModel

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
GROUPED = {**SIZES, "num_key_value_heads": 2, "max_position_embeddings": 512}
PLACES = {"max_position_embeddings": 512}
NO_DROPOUT = {"attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0}
ARCHITECTURES: dict[str, tuple[str, dict[str, Any]]] = {  # configuration class and sizes; the tokenizer adds the rest
    "llama": ("LlamaConfig", GROUPED),
    "qwen2": ("Qwen2Config", {**GROUPED, "use_sliding_window": True, "sliding_window": 6, "max_window_layers": 1}),
    "mistral": ("MistralConfig", {**GROUPED, "sliding_window": 5}),
    "phi3": (
        "Phi3Config",
        {
            **GROUPED,
            "original_max_position_embeddings": 64,
            "rope_parameters": {
                "rope_type": "longrope",
                "rope_theta": 10000.0,
                "short_factor": [1.0, 1.1, 1.2, 1.3],
                "long_factor": [4.0, 5.0, 6.0, 7.0],
            },
        },
    ),
    "gpt2": ("GPT2Config", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 512, **NO_DROPOUT}),
    "opt": (
        "OPTConfig",
        {
            "hidden_size": 32,
            "word_embed_proj_dim": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "ffn_dim": 48,
            **PLACES,
        },
    ),
    "gpt_neox": ("GPTNeoXConfig", {**SIZES, **PLACES}),
    "gemma2": ("Gemma2Config", {**GROUPED, "head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 7}),
    "qwen2_moe": (  # its window stands in the mask alone
        "Qwen2MoeConfig",
        {
            **GROUPED,
            "use_sliding_window": True,
            "sliding_window": 20,
            "max_window_layers": 2,
            "num_experts": 2,
            "num_experts_per_tok": 1,
            "moe_intermediate_size": 16,
            "shared_expert_intermediate_size": 16,
        },
    ),
    "bloom": ("BloomConfig", {"hidden_size": 32, "n_layer": 2, "n_head": 4}),
    "falcon": ("FalconConfig", {**SIZES, "alibi": True, "new_decoder_architecture": False}),
    "qwen3_next": (
        "Qwen3NextConfig",
        {
            **GROUPED,
            "head_dim": 8,
            "layer_types": ["linear_attention", "full_attention"],
            "linear_num_key_heads": 2,
            "linear_num_value_heads": 2,
            "linear_key_head_dim": 8,
            "linear_value_head_dim": 8,
            "num_experts": 2,
            "num_experts_per_tok": 1,
            "moe_intermediate_size": 16,
            "shared_expert_intermediate_size": 16,
        },
    ),
    "bert": ("BertConfig", {**SIZES, **PLACES}),
    "roberta": ("RobertaConfig", {**SIZES, "max_position_embeddings": 514, "type_vocab_size": 1}),
    "distilbert": ("DistilBertConfig", {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48, **PLACES}),
    "modernbert": ("ModernBertConfig", {**SIZES, **PLACES, "local_attention": 8, "global_attn_every_n_layers": 2}),
    "deberta_v2": (
        "DebertaV2Config",
        {**SIZES, **PLACES, "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "pooler_hidden_size": 32},
    ),
}
UNFIT: dict[str, tuple[str, dict[str, Any]]] = {  # classifiers that cannot be read as ours are
    "ctrl": ("CTRLConfig", {"n_embd": 32, "dff": 48, "n_layer": 2, "n_head": 4, "n_positions": 512}),
    "xlnet": ("XLNetConfig", {"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 48}),
}
ENCODERS = {"bert", "roberta", "distilbert", "modernbert", "deberta_v2"}
WITH_SEGMENT_IDS = {"bert", "deberta_v2"}
SPECIAL = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}


def tokenizer(encoder: bool, **settings: Any) -> PreTrainedTokenizerFast:
    """Byte-level BPE with few merges: any text can be written, and short words are one or two tokens."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        special_tokens=list(SPECIAL.values()),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(["User: Assistant: System: the answer is better than a question"] * 4, trainer)
    if encoder:
        ends = [(token, made.token_to_id(token)) for token in ("<s>", "</s>")]
        made.post_processor = processors.TemplateProcessing("<s> $A </s>", "<s> $A </s> $B:1 </s>:1", ends)
    return PreTrainedTokenizerFast(tokenizer_object=made, **{**SPECIAL, **settings})


def make_checkpoint(name: str, folder: Path, **settings: Any) -> Path:
    """A backbone with random weights, as someone would publish it, without a classification layer."""
    config_class, sizes = {**ARCHITECTURES, **UNFIT}[name]
    names = ["input_ids", *(["token_type_ids"] if name in WITH_SEGMENT_IDS else []), "attention_mask"]
    words = tokenizer(name in ENCODERS, model_input_names=names)
    ids = {"pad_token_id": words.pad_token_id, "bos_token_id": words.bos_token_id, "eos_token_id": words.eos_token_id}
    wide = {"initializer_range": 0.3, "vocab_size": len(words)}  # large weights: every token makes a difference
    config = getattr(transformers, config_class)(**{**wide, **sizes, **ids, **settings})
    with torch.random.fork_rng():
        torch.manual_seed(5)
        AutoModel.from_config(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """The folder of a tiny backbone of an architecture: `tiny("llama")`."""
    made: dict[str, str] = {}

    def folder(name: str) -> str:
        if name not in made:
            made[name] = str(make_checkpoint(name, tmp_path_factory.mktemp(name)))
        return made[name]

    return folder


@pytest.fixture(scope="session")
def built(tiny: Callable[[str], str]) -> Callable[..., PreferenceModel]:
    """A model on a tiny backbone, `built("llama", "general", dim=4)`; tests share it, so they must not change it."""
    made: dict[Any, PreferenceModel] = {}

    def model(name: str, head: str = "general", **settings: Any) -> PreferenceModel:
        if head == "general":
            settings = {"dim": 4, **settings}
        key = (name, head, *sorted(settings.items()))
        if key not in made:
            made[key] = PreferenceModel.from_backbone(tiny(name), head, **settings)
        return made[key]

    return model


@pytest.fixture(scope="session")
def vanilla(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[np.ndarray]]:
    """What transformers alone says of a saved model: logits `[K, width]` of each group, one sequence at a time."""
    loaded: dict[int, Any] = {}

    def logits(model: PreferenceModel, groups: list[Group]) -> list[np.ndarray]:
        if id(model) not in loaded:
            folder = tmp_path_factory.mktemp("saved")
            model.save_pretrained(folder)
            loaded[id(model)] = (load_vanilla(folder), model)  # with the model, so that its id is not used again
        return [vanilla_logits(loaded[id(model)][0], model, group) for group in groups]

    return logits


def load_vanilla(folder: str | Path) -> Any:
    return AutoModelForSequenceClassification.from_pretrained(folder).eval()


@torch.no_grad()
def vanilla_logits(classifier: Any, model: PreferenceModel, group: Group) -> np.ndarray:
    rows = []
    for item in model.tokenize(group):
        inputs = {"input_ids": torch.tensor(item.tokens[None].astype(np.int64))}
        if classifier.config.model_type in ("bert", "deberta-v2"):
            types = np.arange(len(item.tokens)) > item.boundary  # the separator belongs to the first segment
            inputs["token_type_ids"] = torch.tensor(types[None].astype(np.int64))
        rows.append(classifier(**inputs).logits[0].numpy())
    return np.stack(rows)


@pytest.fixture
def without_peft(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "peft"] + ["peft"]:
        monkeypatch.setitem(sys.modules, name, None)  # importing it fails
