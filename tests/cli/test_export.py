"""`polypref export`: a folder that plain tools read, and one sentence on what is lost."""

from __future__ import annotations

import json

import pytest

from polypref import PreferenceModel


def test_a_general_model_is_exactly_its_mean_log_odds_against_the_baseline(polypref, saved, data, tmp_path):
    done = polypref("export", saved("general"), "--baseline", data, "--out", tmp_path / "reward")
    assert done.status == 0, done.err
    assert done.out == f"{tmp_path / 'reward'}: one logit, exactly the reward of a response\n"
    assert PreferenceModel.from_pretrained(tmp_path / "reward").head.name == "scalar"


def test_what_is_lost_is_said(polypref, saved, data, tmp_path):
    done = polypref("export", saved("distributional"), "--baseline", data, "--out", tmp_path / "reward", "--json")
    found = json.loads(done.out)
    assert found["exact"] is False
    assert 0.5 < found["agreement"] <= 1


@pytest.mark.parametrize(("head", "sentence"), [("pair", "cannot become one logit"), ("general", "give baseline")])
def test_what_cannot_be_done_is_one_sentence(polypref, saved, tmp_path, head, sentence):
    done = polypref("export", saved(head), "--out", tmp_path / "reward")
    assert done.status == 2
    assert sentence in done.err


def test_a_folder_that_holds_a_model_is_left_alone(polypref, saved):
    done = polypref("export", saved("scalar"), "--out", saved("gaussian"))
    assert done.status == 2
    assert "already holds a model" in done.err
