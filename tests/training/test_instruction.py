"""Fine-tuning of a language model: what is learned are the best responses, and of them every token."""

from __future__ import annotations

import sys

import pytest
import torch

from polypref import Comparison, Group, PreferenceModel, Rating
from polypref.errors import PolyprefError
from polypref.models.backbones import BackboneSettings
from polypref.models.causal import LanguageModel
from polypref.training.config import InstructionConfig
from polypref.training.instruction import answers, tune
from polypref.training.progress import Report
from tests.models.test_imitation import make_speaker

GROUPS = [
    Group("What is it?", ("a question", "the answer"), [Comparison(0, 1, p=0.2)]),
    Group("And now?", ("better", "kind"), ratings=[Rating(0, 5), Rating(1, 2)]),
    Group("Silent?", ("one", "two")),
]


@pytest.fixture(scope="module")
def speaker(tmp_path_factory):
    """The folder of a tiny language model, its head included."""
    return make_speaker(tmp_path_factory.mktemp("speaker"), "llama")


@pytest.fixture
def instructed(speaker, tmp_path):
    """The folder of a tuned model: `instructed(max_steps=2)`."""

    def made(backbone=speaker, groups=GROUPS[:2] * 8, **changes):
        settings = InstructionConfig(**{"batch_size": 4, "max_length": 64, **changes})
        tune(settings, backbone, groups, tmp_path / "out", 0, Report(), BackboneSettings())
        return tmp_path / "out"

    return made


def test_the_best_responses_are_learned_and_the_prompts_are_not(speaker):
    inputs = LanguageModel.from_pretrained(speaker).inputs
    first, second = answers(GROUPS, inputs)
    for row, (prompt, best) in ((first, ("What is it?", "the answer")), (second, ("And now?", "better"))):
        learned = [token for token, label in zip(row["input_ids"], row["labels"]) if label != -100]
        assert inputs.tokenizer.decode(learned).strip() == f"{best}</s>"
        assert prompt in inputs.tokenizer.decode(row["input_ids"])
        assert all(label in (-100, token) for token, label in zip(row["input_ids"], row["labels"]))


def test_a_language_model_is_taught_as_a_preference_model_on_it_reads(speaker):
    """So that stages 2 and 3 read what stage 1 has learned."""
    learned = answers(GROUPS[:1], LanguageModel.from_pretrained(speaker, max_length=64).inputs)
    (_, best) = PreferenceModel.from_backbone(speaker, max_length=64).tokenize(GROUPS[0])
    assert learned[0]["input_ids"] == best.tokens.tolist()


@pytest.mark.filterwarnings("default")  # of TRL and of what it imports
def test_the_instructed_model_answers_as_taught_and_is_what_stage_2_starts_from(instructed, speaker):
    pytest.importorskip("trl")
    from transformers import AutoModelForCausalLM

    out = instructed(epochs=20, learning_rate=5e-3)
    assert not (out / "run").exists()
    inputs = LanguageModel.from_pretrained(speaker).inputs
    losses = []
    for place in (speaker, out):
        model = AutoModelForCausalLM.from_pretrained(place)
        rows = answers(GROUPS, inputs)
        with torch.no_grad():
            losses.append(
                sum(
                    float(model(torch.tensor([row["input_ids"]]), labels=torch.tensor([row["labels"]])).loss)
                    for row in rows
                )
            )
    assert losses[1] < 0.5 * losses[0]
    assert PreferenceModel.from_backbone(str(out)).utilities(GROUPS[0]).shape == (2,)


def test_encoders_are_refused_in_one_sentence(instructed, tiny):
    with pytest.raises(PolyprefError, match=r"^instruction needs a decoder, .* is an encoder; choose .*smollm2$"):
        instructed(tiny("bert"))


def test_a_backbone_without_a_language_modelling_head_is_refused_in_one_sentence(instructed, tiny, tmp_path):
    """What it would foretell with would be new, and learned from nothing but the best responses."""
    with pytest.raises(PolyprefError, match=r"no language-modelling head, which instruction needs, .*, or leave"):
        instructed(tiny("llama"))
    assert not (tmp_path / "out").exists()


def test_an_adapter_is_refused_in_one_sentence(instructed, tmp_path):
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "adapter_config.json").write_text("{}")
    with pytest.raises(PolyprefError, match=r"adapter' is an adapter, no language model: merge it with peft"):
        instructed(str(tmp_path / "adapter"))


def test_without_trl_stage_1_is_refused_in_one_sentence(instructed, monkeypatch):
    monkeypatch.setitem(sys.modules, "trl.trainer.sft_config", None)
    with pytest.raises(PolyprefError, match="needs TRL: pip install trl, or leave instruction"):
        instructed()


def test_there_must_be_best_responses(instructed):
    with pytest.raises(PolyprefError, match="no group whose best response is known"):
        instructed(groups=GROUPS[2:])
