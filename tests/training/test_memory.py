"""How many tokens a pass may have, on the CPU and with little memory."""

from __future__ import annotations

import pytest
import torch

from polypref import PreferenceModel
from polypref.training import memory
from polypref.training.memory import affordable_tokens, keep_freed_memory


@pytest.fixture
def encoder(tiny):
    return PreferenceModel.from_backbone(tiny("llama")).encoder


def test_a_small_model_has_the_most_that_a_cpu_is_good_for(encoder):
    assert affordable_tokens(encoder) == 1024


def test_what_a_token_keeps_is_counted_by_hand(encoder, monkeypatch):
    numbers = 2 * (18 * 32 + 5 * 48)  # of two layers with 32 hidden and 48 intermediate entries
    monkeypatch.setattr(memory, "_CPU_BYTES", 4 * numbers * 500)
    assert affordable_tokens(encoder) == 500
    encoder.classifier.activation_checkpointing_enable()
    kept = 2 * 32 + 18 * 32 + 5 * 48  # one hidden state of each layer, and all of one layer
    assert affordable_tokens(encoder) == 500 * numbers // kept


def test_there_is_a_least(encoder, monkeypatch):
    monkeypatch.setattr(memory, "_CPU_BYTES", 1)
    assert affordable_tokens(encoder) == 256


def test_keeping_memory_changes_no_result():
    keep_freed_memory()
    assert torch.ones(1 << 18).sum() == 1 << 18
