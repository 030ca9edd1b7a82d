"""Saved folders are read by transformers 4.51 too: by the words that it knows, which change nothing for newer ones."""

from __future__ import annotations

import json

import pytest
from tests.models.conftest import make_checkpoint
from tests.models.test_saving import GROUPS
from tests.tolerance import near

from polypref.models.older import add_older_words
from polypref.models.preference_model import PreferenceModel


def read(folder, name):
    return json.loads((folder / name).read_text())


@pytest.mark.parametrize("backbone", ["llama", "bert"])
def test_the_class_of_the_tokenizer_is_one_that_older_versions_know(built, tmp_path, backbone):
    built(backbone).save_pretrained(tmp_path)
    found = read(tmp_path, "tokenizer_config.json")
    assert found["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert ("token_type_ids" in found["model_input_names"]) == (backbone == "bert")


@pytest.mark.parametrize(
    "rotary",
    [
        {"rope_type": "default", "rope_theta": 500.0},
        {"rope_type": "linear", "rope_theta": 500.0, "factor": 4.0},
    ],
)
def test_rotary_embeddings_are_told_in_both_ways_and_come_back(tmp_path, rotary):
    backbone = str(make_checkpoint("llama", tmp_path / "backbone", rope_parameters=rotary))
    model = PreferenceModel.from_backbone(backbone, "general", dim=4)
    model.save_pretrained(tmp_path / "saved")
    config = read(tmp_path / "saved", "config.json")
    assert config["rope_theta"] == 500.0
    expected = None if rotary["rope_type"] == "default" else {"rope_type": "linear", "factor": 4.0}
    assert config.get("rope_scaling") == expected
    again = PreferenceModel.from_pretrained(tmp_path / "saved")
    assert again.encoder.classifier.config.rope_parameters["rope_theta"] == 500.0
    near(again.states(GROUPS[0]), model.states(GROUPS[0]))


def test_further_special_tokens_are_a_list_under_the_older_name(tmp_path):
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "X", "extra_special_tokens": ["<a>"]}')
    add_older_words(tmp_path, reads_segments=True)
    assert read(tmp_path, "tokenizer_config.json") == {"tokenizer_class": "X", "additional_special_tokens": ["<a>"]}
