"""Gradients through shared prompts are those of one sequence at a time."""

from __future__ import annotations

import copy

import pytest
import torch

from polypref import Group

EXACT = {"gpt2", "gpt_neox"}  # the others normalise in single precision even in a double-precision model
GROUPS = [
    Group("What is better, the answer or the question?", ("The answer.", "A question is better", "the answer", "is")),
    Group("Hi", ("Hello, how may I help you today?", "the user")),
]


def loss(states):
    return (states.sin() * torch.arange(1, states.shape[1] + 1)).sum()


def gradients(encoder, packs):
    """Of Σ w·sin(state) over all inputs, by parameter."""
    encoder.zero_grad()
    for pack in packs:
        loss(encoder(pack)).backward()
    return {name: p.grad.clone() for name, p in encoder.named_parameters() if p.grad is not None}


def assert_same(found, expected, tolerance):
    """Up to `tolerance` of the largest entry."""
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance * float(expected.abs().max()))


def doubled(model):
    return copy.deepcopy(model.encoder).double()


@pytest.mark.parametrize("name", ["llama", "qwen2", "mistral", "gpt2", "gpt_neox"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_gradients_of_a_tree_are_the_sum_of_those_of_its_sequences(built, name, checkpointing):
    model = built(name, gate=True)
    encoder, inputs = doubled(model), [model.tokenize(group) for group in GROUPS]
    one_by_one = [pack for group in inputs for item in group for pack in encoder.packs([[item]], 1)]
    expected = gradients(encoder, one_by_one)
    if checkpointing:
        encoder.classifier.activation_checkpointing_enable()
        assert encoder.classifier.is_activation_checkpointing
    encoder.train()
    (together,) = encoder.packs(inputs, 10_000)
    assert together.row.trees[0].prefix > 5
    found = gradients(encoder, [together])
    assert found.keys() == expected.keys()
    for parameter, gradient in found.items():
        assert_same(gradient, expected[parameter], 1e-10 if name in EXACT else 1e-5)


def test_the_prompt_gate_learns(built):
    model = built("llama", gate=True)
    encoder, inputs = doubled(model), [model.tokenize(GROUPS[0])]
    found = gradients(encoder, encoder.packs(inputs, 1000))
    assert found["extra.weight"].abs().max() > 1e-6
