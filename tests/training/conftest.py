"""Tiny backbones and small data to train on."""

from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoModel, PreTrainedTokenizerFast

from polypref import Comparison, Group, Rating
from polypref.groups.writing import save_groups
from polypref.training.config import TrainingConfig, make_config
from polypref.training.recipe import TrainingResult, train

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
PLACES = {"max_position_embeddings": 256}
BACKBONES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", {**SIZES, **PLACES, "num_key_value_heads": 2}),
    "bert": ("BertConfig", {**SIZES, **PLACES, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}),
    "dropping bert": ("BertConfig", {**SIZES, **PLACES, "hidden_dropout_prob": 0.2}),
    "roberta": ("RobertaConfig", {**SIZES, "max_position_embeddings": 258, "type_vocab_size": 1}),
}
SPECIAL = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}


def _tokenizer(encoder: bool, segments: bool) -> PreTrainedTokenizerFast:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=list(SPECIAL.values()),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(["User: Assistant: the answer is better than a question"] * 4, trainer)
    if encoder:
        ends = [(token, made.token_to_id(token)) for token in ("<s>", "</s>")]
        made.post_processor = processors.TemplateProcessing("<s> $A </s>", "<s> $A </s> $B:1 </s>:1", ends)
    names = ["input_ids", *(["token_type_ids"] if segments else []), "attention_mask"]
    return PreTrainedTokenizerFast(tokenizer_object=made, model_input_names=names, **SPECIAL)


def make_backbone(name: str, folder: Path, seed: int = 5) -> str:
    """A backbone with random weights and without a classification layer, as someone would publish it."""
    kind, sizes = BACKBONES[name]
    words = _tokenizer(encoder=name != "llama", segments="bert" in name and name != "roberta")
    ids = {"pad_token_id": words.pad_token_id, "bos_token_id": words.bos_token_id, "eos_token_id": words.eos_token_id}
    config = getattr(transformers, kind)(**sizes, **ids, vocab_size=len(words), initializer_range=0.2)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        AutoModel.from_config(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """The folder of a tiny backbone: `tiny("llama")`."""
    made: dict[str, str] = {}

    def folder(name: str) -> str:
        if name not in made:
            made[name] = make_backbone(name, tmp_path_factory.mktemp("backbone"))
        return made[name]

    return folder


def make_groups(count: int, seed: int = 0, most: int = 4) -> list[Group]:
    """Groups of 2 to `most` responses of 1 to 12 words, with weighted shares and ratings from 1 to 3."""
    rng = np.random.default_rng(seed)
    words = np.array("the answer is better than a question of some kind".split())

    def text() -> str:
        return " ".join(rng.choice(words, rng.integers(1, 13)))

    groups = []
    for number in range(count):
        size = int(rng.integers(2, most + 1))
        responses = tuple(f"{text()} {at}" for at in range(size))
        pairs = [(i, j) for i in range(size) for j in range(i + 1, size) if j == i + 1 or rng.random() < 0.5]
        comparisons = tuple(
            Comparison(i, j, float(rng.integers(0, 5)) / 4, weight=float(rng.integers(1, 4))) for i, j in pairs
        )
        ratings = tuple(Rating(i, int(rng.integers(1, 4))) for i in range(size) for _ in range(rng.integers(0, 4)))
        groups.append(Group(f"Question {seed}-{number}: {text()}?", responses, comparisons, ratings, scale=(1, 2, 3)))
    return groups


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 groups in a file."""
    path = tmp_path_factory.mktemp("data") / "train.jsonl"
    save_groups(make_groups(24), path)
    return path


@pytest.fixture
def settings(tiny: Callable[[str], str], tmp_path: Path) -> Callable[..., TrainingConfig]:
    """A configuration of a short run: `settings(head="general")`."""

    def made(backbone: str = "llama", **changes: Any) -> TrainingConfig:
        short = {
            "backbone": tiny(backbone) if backbone in BACKBONES else backbone,
            "out": str(tmp_path / "out"),
            "batch_size": 8,
            "epochs": 1,
            "logging_steps": 1,
            "learning_rate": 1e-3,
            "state_layer_rate": 1.0,
        }
        return make_config({**short, **changes})

    return made


@pytest.fixture
def trained(settings: Callable[..., TrainingConfig]) -> Callable[..., TrainingResult]:
    """A finished short run on groups: `trained(groups, head="general")`."""

    def run(groups: Sequence[Group], eval_groups: Sequence[Group] | None = None, **changes: Any) -> TrainingResult:
        return train(settings(**changes), groups, eval_groups)

    return run


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    """All weights of a saved model."""
    from safetensors.torch import load_file

    weights: dict[str, torch.Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        weights |= load_file(path)
    return weights


def losses_of(folder: Path) -> list[float]:
    """The training losses that a run logged."""
    import json

    return [entry["loss"] for entry in json.loads((folder / "history.json").read_text()) if "loss" in entry]


def environment() -> dict[str, str]:
    """Of a process of its own: one thread, and nothing from the hub."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
