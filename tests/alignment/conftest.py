"""A tiny language model, and guides that like certain words."""

from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from tests.training.conftest import make_backbone


def make_language_model(folder: Path) -> str:
    """A causal language model with random weights and a small tokenizer."""
    backbone = make_backbone("llama", folder / "backbone")
    with torch.random.fork_rng():
        torch.manual_seed(3)
        AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(backbone)).save_pretrained(folder)
    AutoTokenizer.from_pretrained(backbone).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def tiny_lm(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a causal language model."""
    return make_language_model(tmp_path_factory.mktemp("lm"))
