"""Stages 1 and 2: where the general model comes from, and the language model that imitation uses."""

from __future__ import annotations

import json

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from polypref import PreferenceModel, customize, make_customize_config, save_groups
from polypref.customization.domain import stage_3_run
from polypref.customization.general import load_general
from polypref.models.heads import make_head
from tests.customization.conftest import Lines
from tests.models.test_imitation import make_speaker
from tests.training.conftest import weights_of
from tests.training.test_instruction import GROUPS


@pytest.mark.filterwarnings("default")  # of TRL and of what it imports
def test_stage_1_is_made_once_and_stage_2_starts_from_it(settings, tmp_path):
    pytest.importorskip("trl")
    save_groups(GROUPS[:2] * 8, tmp_path / "answers.jsonl")
    stage = {"data": str(tmp_path / "answers.jsonl"), "batch_size": 4, "max_length": 64, "learning_rate": 5e-3}
    taught = {
        "backbone": make_speaker(tmp_path / "speaker", "llama"),
        "out": str(tmp_path / "out"),
        "instruction": stage,
    }
    customize(make_customize_config(taught))
    out = tmp_path / "out" / "instruction"
    before = (out / "model.safetensors").stat().st_mtime_ns
    customize(make_customize_config(taught))
    assert (out / "model.safetensors").stat().st_mtime_ns == before
    general = {"skip": True, "training": {"head": "scalar"}}
    customize(make_customize_config(settings(**taught, general=general, domains=None)))
    learned, start = weights_of(tmp_path / "out" / "general"), weights_of(out)
    shared = learned.keys() & start.keys()
    assert len(shared) > 10
    torch.testing.assert_close({n: learned[n] for n in shared}, {n: start[n] for n in shared}, rtol=0, atol=0)


def test_without_stage_2_domains_start_from_the_base_model(quick, tmp_path):
    found = quick(general={"skip": True, "training": {"best_metric": "accuracy"}}).domains["academy"]
    assert not (tmp_path / "out" / "general" / "history.json").exists()
    assert found.points[-1].step == 2


def test_a_checkpoint_that_may_know_its_test_set_is_named(settings, files, encoder, tmp_path):
    PreferenceModel.from_backbone(encoder, max_length=64).save_pretrained(tmp_path / "mine")
    said = "is measured on a share of helpful; if it was trained on that"
    for tests, warned in (
        ({"harmless": files["test"]}, True),
        (dict.fromkeys(("helpful", "harmless"), files["test"]), False),
    ):
        report = Lines()
        made = settings(general={"model": str(tmp_path / "mine"), "eval_data": tests}, domains=None)
        customize(make_customize_config({**made, "out": str(tmp_path / str(warned))}), report)
        assert any(said in line for line in report.lines) == warned


def test_a_general_model_may_be_there_already(customized, files, encoder, tmp_path):
    PreferenceModel.from_backbone(encoder, "general", dim=4).save_pretrained(tmp_path / "mine")
    known = {"data": {"helpful": files["helpful"]}, "eval_share": 0.2}
    customized(general={**known, "model": str(tmp_path / "mine")})
    torch.testing.assert_close(weights_of(tmp_path / "out" / "general"), weights_of(tmp_path / "mine"))
    domain = PreferenceModel.from_pretrained(tmp_path / "out", domain="academy")
    assert (domain.head.name, domain.head.width) == ("general", 4)  # as the general model has it


def test_imitation_finds_a_head_that_is_not_tied_to_the_embeddings(quick, decoder, tmp_path):
    config = AutoConfig.from_pretrained(decoder, tie_word_embeddings=False)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "speaker")
    AutoTokenizer.from_pretrained(decoder).save_pretrained(tmp_path / "speaker")
    quick(backbone=str(tmp_path / "speaker"), domains={"imitation": 0.1})
    history = json.loads((tmp_path / "out" / "domains" / "academy" / "history.json").read_text())
    assert any("imitation" in name for entry in history for name in entry)


def test_the_general_model_is_read_as_the_stage_reads_it(settings, encoder, tmp_path):
    PreferenceModel.from_backbone(encoder, max_length=32).save_pretrained(tmp_path / "out" / "general")
    made = make_customize_config(settings(domains={"training": {"max_length": 48, "dtype": "bfloat16"}}))
    run = stage_3_run(made, make_head("scalar"), "")
    general = load_general(made, run)
    assert (general.inputs.max_length, general.encoder.classifier.dtype) == (48, torch.bfloat16)
