"""Samples have the distribution of the model, whatever is drawn beside them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from polypref.alignment.sampling import Sampling, _drawn, sample
from polypref.errors import PolyprefError

END = 2


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    return LlamaForCausalLM(
        LlamaConfig(vocab_size=7, max_position_embeddings=64, initializer_range=0.5, **sizes)
    ).eval()


@torch.no_grad()
def probability(model, prompt: list[int], tokens: tuple[int, ...], temperature: float = 1.0) -> float:
    """Of a whole sample, one forward pass over all of it."""
    ids = torch.tensor([[*prompt, *tokens]])
    logs = (model(ids).logits[0] / temperature).log_softmax(-1)
    return float(sum(logs[len(prompt) - 1 + at, token] for at, token in enumerate(tokens)).exp())


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_samples_are_as_frequent_as_they_are_probable(model, temperature) -> None:
    prompt = [3, 4, 5]
    (drawn,) = sample(model, [prompt], Sampling(4000, 2, temperature), [END], [7])
    counts = Counter(drawn)
    assert sum(counts.values()) == 4000
    for found, count in counts.items():
        p = probability(model, prompt, found.tokens, temperature)
        assert abs(count / 4000 - p) < 5 * np.sqrt(p / 4000) + 1e-3
        assert found.ended == ("end" if found.tokens[-1] == END else "length")
        assert END not in found.tokens[:-1]


def test_a_prompt_has_the_same_samples_beside_others(model) -> None:
    settings, prompts = Sampling(5, 12), [[3, 4, 5], [6], [1, 1, 4, 3, 5, 6]]
    together = sample(model, prompts, settings, [END], [1, 2, 3])
    assert together == [sample(model, [prompt], settings, [END], [seed])[0] for prompt, seed in zip(prompts, (1, 2, 3))]
    assert together != sample(model, prompts, settings, [END], [1, 2, 4])
    assert len({len(one.tokens) for samples in together for one in samples}) > 1  # some were taken out early


def test_inverting_by_hand() -> None:
    logits = torch.tensor([[0.5, 0.3, 0.2]]).log().repeat(4, 1)
    uniforms = torch.tensor([0.0, 0.49, 0.51, 0.99], dtype=torch.double)
    assert _drawn(logits, uniforms, Sampling()).tolist() == [0, 0, 1, 2]
    assert _drawn(logits, uniforms, Sampling(top_p=0.6)).tolist() == [0, 0, 0, 1]
    assert _drawn(logits, uniforms, Sampling(top_p=0.4)).tolist() == [0, 0, 0, 0]
    impossible = torch.tensor([[0.0, 0.0, -torch.inf]])
    assert _drawn(impossible, torch.tensor([1.0], dtype=torch.double), Sampling()).tolist() == [1]


@pytest.mark.parametrize("settings", [{"count": 0}, {"max_tokens": 0}, {"temperature": 0.0}, {"top_p": 0.0}])
def test_bad_settings_are_refused(settings) -> None:
    with pytest.raises(PolyprefError, match="expected"):
        Sampling(**settings)


def test_a_model_in_training_is_left_so(model) -> None:
    model.train()
    sample(model, [[3]], Sampling(1, 1), [END], [0])
    assert model.training
    model.eval()
