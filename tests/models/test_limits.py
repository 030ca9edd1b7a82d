"""How long an input a backbone reads, by what configuration and tokenizer say."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from transformers import BertConfig, GPT2Config, LlamaConfig, Phi3Config, RobertaConfig

from polypref.models.limits import knows_segments, longest_input

LONG = {
    "rope_type": "longrope",
    "rope_theta": 10000.0,
    "short_factor": [1.0] * 4,
    "long_factor": [2.0] * 4,
}
SMALL = {"hidden_size": 32, "num_attention_heads": 4, "num_hidden_layers": 1, "intermediate_size": 48}


def limit(config, tokens=10**30, pad=1):
    words = SimpleNamespace(model_max_length=tokens, pad_token_id=pad)
    return longest_input(SimpleNamespace(config=config), words)


@pytest.mark.parametrize(
    ("config", "tokens", "expected"),
    [
        (LlamaConfig(max_position_embeddings=512), 10**30, 512),
        (LlamaConfig(max_position_embeddings=512), 100, 100),
        (GPT2Config(n_positions=64), 10**30, 64),  # by another name
        (RobertaConfig(max_position_embeddings=514), 10**30, 512),  # two places lie behind the padding's
        (
            Phi3Config(
                **SMALL,
                max_position_embeddings=512,
                original_max_position_embeddings=64,
                rope_parameters={**LONG, "original_max_position_embeddings": 64},
            ),
            10**30,
            64,
        ),
    ],
    ids=["positions", "tokenizer", "gpt2", "roberta", "longrope"],
)
def test_the_shortest_limit_counts(config, tokens, expected):
    assert limit(config, tokens) == expected


def test_where_nobody_says_there_is_none():
    config = LlamaConfig(max_position_embeddings=0)
    assert limit(config) is None


def test_two_segments_are_told_apart_where_there_are_two():
    assert knows_segments(SimpleNamespace(config=BertConfig()))
    assert not knows_segments(SimpleNamespace(config=RobertaConfig(type_vocab_size=1)))
    assert not knows_segments(SimpleNamespace(config=LlamaConfig()))
