"""The encode-once engine: whatever is computed together, no other inputs change the states."""

from __future__ import annotations

import random

import numpy as np
import pytest
from tests.tolerance import near

from polypref import Group

SHARING = ["llama", "qwen2", "mistral", "phi3", "gpt2", "gpt_neox"]
ENCODERS = ["bert", "roberta", "distilbert", "modernbert", "deberta_v2"]
ALONE = ["gemma2", "qwen2_moe", "bloom", "falcon", "qwen3_next", *ENCODERS]

GROUPS = [
    Group("What is better, the answer or the question?", ("The answer.", "A question is better", "answer is 42" * 4)),
    Group("Hi", ("Hello, how may I help you today? Ask me anything!", "\n.")),
    Group((("system", "Be brief."), ("user", "Why?"), ("assistant", "Because."), ("user", "Of what?")), ("That.",)),
    Group("?", ("one", "two", "three", "four", "five")),
    Group("<pad>", ("<pad>", "the <pad>", "<pad> <s>")),  # read as special tokens, for that is how they are written
    Group("the the the the the the the " * 6, ("the", "the the", "the the the")),
]


def states_under(model, groups, budget):
    return [known.rows.numpy() for _, known in model.encode(groups, budget)]


@pytest.mark.parametrize("name", SHARING)
def test_decoders_whose_attention_is_plain_share_their_prompts(built, name):
    assert built(name).encoder.shares_prompts


@pytest.mark.parametrize("name", ALONE)
def test_other_architectures_do_not(built, name):
    assert not built(name).encoder.shares_prompts


@pytest.mark.parametrize("name", ["llama", "mistral", "bloom", "bert"])
def test_the_order_of_groups_and_responses_changes_only_the_order_of_states(built, name):
    model, rng = built(name), random.Random(3)
    expected = states_under(model, GROUPS, 200)
    order = rng.sample(range(len(GROUPS)), len(GROUPS))
    turns = [rng.sample(range(len(group)), len(group)) for group in GROUPS]
    turned = [Group(GROUPS[g].prompt, tuple(GROUPS[g].responses[i] for i in turns[g])) for g in order]
    for g, ours in zip(order, states_under(model, turned, 200), strict=True):
        near(ours, expected[g][turns[g]])


@pytest.mark.parametrize("name", ["llama", "bert"])
def test_a_group_has_the_same_states_alone_and_among_others(built, name):
    model = built(name)
    together = model.states(GROUPS)
    for group, ours in zip(GROUPS, together, strict=True):
        near(model.states(group), ours)


@pytest.mark.parametrize("name", ["llama", "bert"])
def test_a_response_given_twice_has_one_state_twice(built, name):
    states = built(name).states(Group("Why?", ("So.", "No.", "So.", "So.")))
    near(states[[2, 3]], states[[0, 0]])
    assert np.abs(states[1] - states[0]).max() > 0.01


def test_groups_given_twice_have_their_states_twice(built):
    states = built("llama").states([GROUPS[0], GROUPS[1], GROUPS[0]])
    near(states[2], states[0])


def test_more_groups_than_one_window_are_encoded_in_order(built):
    model = built("gpt2")
    groups = [Group(f"question {n}", (f"answer {n}", "no")) for n in range(130)]
    for n, (group, known) in enumerate(model.encode(iter(groups))):
        assert group is groups[n]
        if n in (0, 63, 64, 129):
            near(known.rows.numpy(), model.states(group))
    assert n == 129


def test_features_times_the_state_layer_are_the_states(built):
    for name in ["llama", *ENCODERS]:
        model = built(name)
        inputs = [model.tokenize(group) for group in GROUPS]
        layer = model.encoder.state_layer
        for features, states in zip(model.encoder.all_features(inputs), model.states(GROUPS), strict=True):
            near(layer(features).detach().numpy(), states)
