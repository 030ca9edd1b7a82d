"""Language models: how likely K responses to one prompt are, which of their tokens count, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from polypref import Group
from polypref.models import foretelling
from polypref.models.causal import LanguageModel, log_probabilities
from polypref.models.embedded import BackboneError
from polypref.models.lora import Lora

from .test_imitation import CHATML, GROUPS, make_speaker

SAME = [*GROUPS, Group("Hi", ("Hello", "Hello", "Hullo", "Hello"))]


def vanilla(lm, items):
    """Σ log p of each response's tokens by the model's own forward, one row at a time, with gradients."""
    sums = []
    for item in items:
        tokens = torch.tensor(item.tokens[None].astype(np.int64))
        log_p = lm(input_ids=tokens).logits[0].float().log_softmax(-1)
        spoken = range(max(item.boundary, 1), len(item.tokens))
        sums.append(torch.stack([log_p[at - 1, tokens[0, at]] for at in spoken]).sum())
    return torch.stack(sums)


def test_logits_are_of_responses_alone_and_a_few_at_a_time(tmp_path, monkeypatch):
    model = LanguageModel.from_pretrained(make_speaker(tmp_path, "llama"), max_length=60)
    monkeypatch.setattr(foretelling, "_LOGITS", 3 * model.lm.config.vocab_size)
    asked = []
    head = model.lm.get_output_embeddings()
    head.register_forward_hook(lambda _part, inputs, _output: asked.append(inputs[0].shape[:-1].numel()))
    (pack,) = model.packs([model.tokenize(GROUPS[0])], 10_000)
    with torch.no_grad():
        found = log_probabilities(model, [pack])
    assert max(asked) <= 3
    assert sum(asked) == int(found.tokens.sum()) < pack.tokens


def test_equal_responses_are_computed_once_and_are_equally_likely(tmp_path):
    model = LanguageModel.from_pretrained(make_speaker(tmp_path, "llama"))
    (pack,) = model.packs([model.tokenize(SAME[-1])], 10_000)
    assert len(pack.row.trees[0].branches) == 2
    total, tokens = log_probabilities(model, [pack])
    assert total[0] == total[1] == total[3] != total[2]
    assert tokens[0] == tokens[1] == tokens[3] > 0


@pytest.mark.parametrize(("template", "end"), [(None, "</s>"), (CHATML.replace("<|im_end|>", "</s>"), "</s>")])
def test_a_response_is_foretold_to_its_end_or_without(tmp_path, template, end):
    folder = make_speaker(tmp_path, "llama", template)
    model = LanguageModel.from_pretrained(folder)
    assert model.tokenizer.decode([model.end]) == end
    assert model.end in model.ends
    ended, cut = model.tokenize(Group("Hi", ("Hello you", "Hello you")), [True, False])
    assert model.tokenizer.decode(ended.tokens[ended.boundary :]) == "Hello you" + end
    assert model.tokenizer.decode(cut.tokens[cut.boundary :]) == "Hello you"


def test_what_a_model_answered_is_read_as_it_was_sampled(tmp_path):
    model = LanguageModel.from_pretrained(make_speaker(tmp_path, "llama", CHATML), max_length=100)
    prompt = model.prompt_tokens("word " * 50, room=12)
    assert len(prompt) == 88
    opening = model.prompt_tokens("Hi")
    assert model.tokenizer.decode(opening) == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    items = [model.continued(opening, answer) for answer in ([7, 8, model.end], [9], [])]
    found = log_probabilities(model, model.packs([items], 10_000))
    assert found.tokens.tolist() == [3, 1, 0]
    assert found.total[2] == 0
    expected = vanilla(AutoModelForCausalLM.from_pretrained(tmp_path).eval(), items[:2])
    torch.testing.assert_close(found.total[:2], expected, rtol=1e-4, atol=1e-4)


def test_the_reference_of_adapters_is_the_same_model_with_these_off(tmp_path):
    pytest.importorskip("peft")
    folder = make_speaker(tmp_path / "base", "llama", tie_word_embeddings=False)
    model = LanguageModel.from_pretrained(folder, lora=Lora(rank=2, alpha=4))
    trained = {name for name, part in model.lm.named_parameters() if part.requires_grad}
    assert trained
    assert all(".lora_" in name for name in trained)
    packs = model.packs([model.tokenize(GROUPS[0])], 10_000)
    with torch.no_grad():
        before = log_probabilities(model, packs).total
        for name, part in model.lm.named_parameters():
            if ".lora_B." in name:
                part.fill_(0.3)
        moved = log_probabilities(model, packs).total
        with model.reference():
            again = log_probabilities(model, packs).total
    assert not torch.allclose(moved, before, atol=0.1)
    torch.testing.assert_close(again, before)
    assert {name for name, part in model.lm.named_parameters() if part.requires_grad} == trained
    model.save_pretrained(tmp_path / "merged")
    saved = LanguageModel.from_pretrained(str(tmp_path / "merged"))
    with torch.no_grad():
        torch.testing.assert_close(log_probabilities(saved, packs).total, moved, rtol=1e-4, atol=1e-3)


def test_the_model_generates_with_its_own_attention(tmp_path):
    folder = make_speaker(tmp_path, "llama")
    model, lm = LanguageModel.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder).eval()
    prompt = torch.tensor(model.prompt_tokens("Hi")[None].astype(np.int64))
    with model.ordinary() as own:
        found = own.generate(prompt, do_sample=False, max_new_tokens=5)
    assert found.tolist() == lm.generate(prompt, do_sample=False, max_new_tokens=5).tolist()
    assert model.shares_prompts
    log_probabilities(model, model.packs([model.tokenize(GROUPS[0])], 10_000))


def test_what_is_no_language_model_is_refused(tiny):
    with pytest.raises(BackboneError, match=r"a policy needs a decoder, .* is an encoder"):
        LanguageModel.from_pretrained(tiny("bert"))
    with pytest.raises(BackboneError, match="no language-modelling head, which a policy needs"):
        LanguageModel.from_pretrained(tiny("llama"))


def test_rates_of_dropout_are_saved_as_they_were(tmp_path):
    folder = make_speaker(tmp_path / "one", "gpt2", resid_pdrop=0.1)
    model = LanguageModel.from_pretrained(folder)
    assert model.lm.config.resid_pdrop == 0.0  # it is used without
    model.save_pretrained(tmp_path / "two")
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "two").config.resid_pdrop == 0.1
    assert model.lm.config.resid_pdrop == 0.0
