"""Preference imitation: −log p of a response's tokens, of which responses, and as the template ends them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers
from transformers import AutoModelForCausalLM

from polypref import Group
from polypref.models import foretelling
from polypref.models.backbones import BackboneSettings
from polypref.models.embedded import BackboneError
from polypref.models.imitation import language_head
from polypref.models.preference_model import PreferenceModel

from .conftest import ARCHITECTURES, tokenizer

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
GROUPS = [
    Group("What is better, the answer or the question?", ("The answer.", "A question is better", "the answer", "is")),
    Group("Hi", ("Hello, how may I help you today?", "Hello, how are you?", "Hello, how")),  # they begin alike
    Group("Say " + "on and on and " * 20, ("No.", "on and on " * 30, "on and off " * 4)),  # cut, the second to its end
    Group("Alone", ("one response",)),
]


def make_speaker(folder, name, template=None, **settings):
    """A language model with random weights and its head, as someone would publish it."""
    config_class, sizes = ARCHITECTURES[name]
    words = tokenizer(False, chat_template=template)
    ids = {"pad_token_id": words.pad_token_id, "bos_token_id": words.bos_token_id, "eos_token_id": words.eos_token_id}
    wide = {"initializer_range": 0.3, "vocab_size": len(words)}
    config = getattr(transformers, config_class)(**{**wide, **sizes, **ids, **settings})
    with torch.random.fork_rng():
        torch.manual_seed(5)
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return str(folder)


def speaking(folder, **settings):
    """A model on such a backbone that can foretell tokens, and the language model itself."""
    model = PreferenceModel.from_backbone(folder, "general", dim=4, max_length=60, **settings)
    model.encoder.language_head = language_head(model.encoder.classifier, folder, BackboneSettings())
    return model, AutoModelForCausalLM.from_pretrained(folder).eval()


@torch.no_grad()
def vanilla_loss(lm, item):
    """−log p of a token of the response, on average, one sequence at a time."""
    tokens = torch.tensor(item.tokens[None].astype(np.int64))
    log_p = lm(input_ids=tokens).logits[0].log_softmax(-1)
    spoken = range(max(item.boundary, 1), len(item.tokens))
    return float(-torch.stack([log_p[at - 1, tokens[0, at]] for at in spoken]).mean())


@torch.no_grad()
def losses(encoder, groups, budget):
    """The encoder's last column, in the order of the inputs."""
    found = {}
    for pack in encoder.packs(groups, budget):
        found.update(zip(pack.members, encoder(pack)[:, -1].tolist(), strict=True))
    return [found[at] for at in range(len(found))]


def marked(model, which=lambda at: True):
    return [[replace(item, foretold=which(at)) for at, item in enumerate(model.tokenize(group))] for group in GROUPS]


def test_the_groups_try_cuts_and_prefixes_that_reach_into_responses(tmp_path):
    model, _ = speaking(make_speaker(tmp_path, "llama"))
    alike, cut = model.tokenize(GROUPS[1]), model.tokenize(GROUPS[2])
    (pack,) = model.encoder.packs([alike], 1000)
    assert pack.row.trees[0].prefix > alike[0].boundary + 2
    assert [item.cut > 0 for item in cut] == [True, True, True]
    assert cut[1].boundary <= 1  # nothing is left of its prompt


def test_responses_that_are_not_imitated_have_no_loss(tmp_path):
    model, lm = speaking(make_speaker(tmp_path, "llama"))
    groups = marked(model, lambda at: at == 1)
    expected = [vanilla_loss(lm, item) if item.foretold else 0.0 for group in groups for item in group]
    assert losses(model.encoder, groups, 10_000) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("template", "end"), [(None, "</s>"), (CHATML, "<|im_end|>\n")])
def test_what_is_foretold_is_the_response_as_the_template_ends_it(tmp_path, template, end):
    model, _ = speaking(make_speaker(tmp_path, "llama", template))
    (inputs, *_) = marked(model, lambda at: at == 1)
    (pack,) = model.encoder.packs([inputs], 1000)
    assert model.inputs.tokenizer.decode(pack.foretold.tokens) == "A question is better" + end
    before = pack.input_ids[pack.foretold.before[1:, 0], pack.foretold.before[1:, 1]]
    assert before.tolist() == pack.foretold.tokens[:-1].tolist()


def test_logits_computed_a_few_at_a_time_have_the_same_losses_and_gradients(tmp_path, monkeypatch):
    model, _ = speaking(make_speaker(tmp_path, "llama", tie_word_embeddings=True))
    groups, found = marked(model), []
    for size in (1 << 24, 1000):
        monkeypatch.setattr(foretelling, "_LOGITS", size)
        model.encoder.zero_grad()
        (pack,) = model.encoder.packs(groups, 10_000)
        column = model.encoder(pack)[:, -1]
        column.sum().backward()
        found.append((column.detach(), model.encoder.classifier.get_input_embeddings().weight.grad.clone()))
    torch.testing.assert_close(found[0], found[1])


def test_half_precision_keeps_the_losses_in_single(tmp_path):
    folder = make_speaker(tmp_path, "llama", tie_word_embeddings=True)
    model, lm = speaking(folder)
    groups = marked(model)
    expected = [vanilla_loss(lm, item) for group in groups for item in group]
    (pack,) = model.encoder.packs(groups, 10_000)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        states = model.encoder(pack)
    assert states.dtype == torch.float32
    order = np.argsort(pack.members)
    assert states[:, -1].tolist() == pytest.approx(np.array(expected)[np.argsort(order)].tolist(), rel=0.05)


def test_an_encoder_cannot_imitate(built, tiny):
    model = built("bert")
    with pytest.raises(BackboneError, match="is an encoder; choose a decoder"):
        language_head(model.encoder.classifier, tiny("bert"), BackboneSettings())


def test_a_checkpoint_without_its_head_is_refused(built, tiny):
    model = built("llama")  # whose embeddings are its own
    with pytest.raises(BackboneError, match="no language-modelling head"):
        language_head(model.encoder.classifier, tiny("llama"), BackboneSettings())


def test_a_head_that_does_more_is_refused(tmp_path, built, monkeypatch):
    sizes = {**ARCHITECTURES["llama"][1], "logits_scaling": 4.0}
    monkeypatch.setitem(ARCHITECTURES, "granite", ("GraniteConfig", sizes))
    classifier = built("llama").encoder.classifier
    with pytest.raises(BackboneError, match="more than a linear layer"):
        language_head(classifier, make_speaker(tmp_path, "granite"), BackboneSettings())
