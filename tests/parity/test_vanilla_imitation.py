"""The loss of imitation is what vanilla transformers says of a response's tokens."""

from __future__ import annotations

import pytest
import torch
from tests.models.test_imitation import GROUPS, losses, make_speaker, marked, speaking, vanilla_loss

SPEAKERS = {  # architecture and what is special about it
    "tied": ("llama", {"tie_word_embeddings": True}),
    "untied": ("llama", {"tie_word_embeddings": False}),
    "windowed": ("mistral", {"tie_word_embeddings": False}),
    "tied by default": ("gpt2", {}),
    "another name of the head": ("gpt_neox", {}),
    "capped": ("gemma2", {"final_logit_softcapping": 3.0}),
    "one by one": ("bloom", {}),
    "recurrent": ("qwen3_next", {"tie_word_embeddings": True}),
}


@pytest.mark.parametrize("kind", SPEAKERS)
@pytest.mark.parametrize("gate", [False, True])
def test_each_loss_is_that_of_vanilla_transformers(tmp_path, kind, gate):
    name, settings = SPEAKERS[kind]
    model, lm = speaking(make_speaker(tmp_path, name, **settings), gate=gate)
    assert model.encoder.shares_prompts == (kind not in ("capped", "one by one", "recurrent"))
    groups = marked(model)
    expected = [vanilla_loss(lm, item) for group in groups for item in group]
    for budget in (70, 10_000):
        assert losses(model.encoder, groups, budget) == pytest.approx(expected, abs=1e-4)
    plain = model.encoder.packs([model.tokenize(group) for group in GROUPS], 10_000)
    width = model.head.state_width
    for one, other in zip(plain, model.encoder.packs(groups, 10_000), strict=True):
        torch.testing.assert_close(model.encoder(other)[:, :width], model.encoder(one), rtol=0, atol=0)
        assert model.encoder(one).shape[1] == width
