"""Stage 1: what is learned are the best responses, and of them every token."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from polypref import Comparison, Group, PreferenceModel, Rating
from polypref.customization.config import make_customize_config
from polypref.customization.recipe import customize
from polypref.errors import PolyprefError
from polypref.groups.writing import save_groups
from polypref.training.instruction import answers

GROUPS = [
    Group("What is it?", ("a question", "the answer"), [Comparison(0, 1, p=0.2)]),
    Group("And now?", ("better", "kind"), ratings=[Rating(0, 5), Rating(1, 2)]),
    Group("Silent?", ("one", "two")),
]


@pytest.fixture
def instructed(decoder, tmp_path):
    """A customisation of stage 1 alone: `instructed(max_steps=2)`."""
    save_groups(GROUPS[:2] * 8, tmp_path / "answers.jsonl")

    def made(**changes):
        stage = {"data": str(tmp_path / "answers.jsonl"), "batch_size": 4, "max_length": 64, **changes}
        return make_customize_config({"backbone": decoder, "out": str(tmp_path / "out"), "instruction": stage})

    return made


def test_the_best_responses_are_learned_and_the_prompts_are_not(decoder):
    inputs = PreferenceModel.from_backbone(decoder).inputs
    first, second = answers(GROUPS, inputs)
    for row, (prompt, best) in ((first, ("What is it?", "the answer")), (second, ("And now?", "better"))):
        learned = [token for token, label in zip(row["input_ids"], row["labels"]) if label != -100]
        assert inputs.tokenizer.decode(learned).strip() == f"{best}</s>"
        assert prompt in inputs.tokenizer.decode(row["input_ids"])
        assert all(label in (-100, token) for token, label in zip(row["input_ids"], row["labels"]))


@pytest.mark.filterwarnings("default")  # of TRL and of what it imports
def test_the_instructed_model_answers_as_taught_and_is_what_stage_2_starts_from(instructed, decoder, tmp_path):
    pytest.importorskip("trl")
    from transformers import AutoModelForCausalLM

    customize(instructed(epochs=20, learning_rate=5e-3))
    out = tmp_path / "out" / "instruction"
    assert not (out / "run").exists()
    inputs = PreferenceModel.from_backbone(decoder).inputs
    losses = []
    for place in (decoder, out):
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
    before = (out / "model.safetensors").stat().st_mtime_ns
    customize(instructed(epochs=20, learning_rate=5e-3))
    assert (out / "model.safetensors").stat().st_mtime_ns == before


def test_encoders_are_refused_in_one_sentence(instructed, encoder):
    with pytest.raises(PolyprefError, match=r"is an encoder, which cannot; leave instruction out"):
        customize(instructed().model_copy(update={"backbone": encoder}))


def test_without_trl_stage_1_is_refused_in_one_sentence(instructed, monkeypatch):
    monkeypatch.setitem(sys.modules, "trl.trainer.sft_config", None)
    with pytest.raises(PolyprefError, match=r"pip install trl, or leave instruction out"):
        customize(instructed())


def test_there_must_be_best_responses(instructed, tmp_path):
    save_groups(GROUPS[2:], Path(tmp_path / "silent.jsonl"))
    with pytest.raises(PolyprefError, match="no group whose best response is known"):
        customize(instructed(data=str(tmp_path / "silent.jsonl")))
