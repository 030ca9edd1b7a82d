"""Bars of other libraries stay out of logs, and are as they were afterwards."""

from __future__ import annotations

import sys

import pytest
import torch
from tqdm.auto import tqdm
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.utils import logging

from polypref.models import embedded
from polypref.models.bars import all_bars_on_terminals, bars_on_terminals


def save_and_load(folder):
    config = LlamaConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=16, use_cache=False
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)


@pytest.fixture(autouse=True)
def enabled(monkeypatch):
    monkeypatch.setattr("transformers.utils.logging._tqdm_active", True)


def test_transformers_draws_no_bars_into_a_log(tmp_path, capsys):
    save_and_load(tmp_path / "with")
    assert "Writing model shards" in capsys.readouterr().err
    with bars_on_terminals():
        save_and_load(tmp_path / "without")
    assert capsys.readouterr().err == ""
    assert logging.is_progress_bar_enabled()


def test_on_a_terminal_they_are_drawn(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    for context in (bars_on_terminals, all_bars_on_terminals):
        with context():
            save_and_load(tmp_path / "terminal")
        assert "Writing model shards" in capsys.readouterr().err


def test_a_conversion_writes_nothing_into_a_log(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("POLYPREF_CACHE", str(tmp_path / "cache"))
    (tmp_path / "weights.gguf").write_bytes(b"1234")

    def convert(source, folder):
        list(tqdm(range(3), desc="Converting and de-quantizing GGUF tensors..."))
        save_and_load(folder)

    monkeypatch.setattr(embedded, "_convert_gguf", convert)
    folder = embedded.EMBEDDED["smollm2"].folder(tmp_path)
    assert (folder / "config.json").exists()
    assert capsys.readouterr().err == ""
