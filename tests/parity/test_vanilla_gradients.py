"""Gradients are those of vanilla transformers, one sequence at a time."""

from __future__ import annotations

import torch
from tests.models.test_gradients import GROUPS, assert_same, doubled, gradients, loss


def test_vanilla_transformers_has_the_same_gradients(built, tmp_path):
    from transformers import AutoModelForSequenceClassification

    model = built("llama")
    model.save_pretrained(tmp_path)
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path, dtype=torch.float64).train()
    inputs = [model.tokenize(group) for group in GROUPS]
    ids = [torch.tensor(item.tokens[None].astype("int64")) for group in inputs for item in group]
    sum(loss(plain(input_ids=each).logits) for each in ids).backward()
    encoder = doubled(model).train()
    found = gradients(encoder, encoder.packs(inputs, 10_000))
    for parameter, expected in plain.named_parameters():
        assert_same(found[f"classifier.{parameter}"], expected.grad, 1e-5)
