"""The temperature that training fits to held-out groups: stored, read, shown, and without effect on states."""

from __future__ import annotations

import json

import numpy as np
import pytest

from polypref import PreferenceModel
from polypref.evaluation.measuring import measure
from polypref.evaluation.scoreboard import all_boards
from polypref.models.answer import StateAnswer
from polypref.statistics.temperature import fit_temperature
from polypref.training.recipe import train

from .conftest import make_groups

GROUPS, HELD_OUT = make_groups(16), make_groups(12, seed=1)


@pytest.mark.parametrize("head", ["scalar", "general", "hybrid", "pair"])
def test_held_out_votes_are_likeliest_under_the_temperature_that_is_stored(settings, tmp_path, head):
    model = train(settings("bert", head=head, epochs=2), GROUPS, HELD_OUT).model
    assert model.temperature != 1
    block = json.loads((tmp_path / "out" / "config.json").read_text())["polypref"]
    assert block["temperature"] == model.temperature
    saved = PreferenceModel.from_pretrained(tmp_path / "out")
    assert saved.temperature == model.temperature
    raw = [answer.log_odds * answer.temperature for _, answer in saved.encode(HELD_OUT)]
    votes = [(x[c.i, c.j], c.p, c.weight) for group, x in zip(HELD_OUT, raw) for c in group.comparisons]
    assert fit_temperature(*zip(*votes)) == pytest.approx(model.temperature, rel=1e-3)
    np.testing.assert_allclose(saved.log_odds(HELD_OUT[0]), raw[0] / model.temperature, atol=1e-5)
    saved.temperature = 1.0
    np.testing.assert_allclose(saved.log_odds(HELD_OUT[0]), raw[0], atol=1e-5)
    measured = measure({"m": lambda: PreferenceModel.from_pretrained(tmp_path / "out")}, HELD_OUT, resamples=10)
    found = measured.to_dict()
    assert found["calibration"]["m"]["temperature"] == model.temperature
    assert found["models"]["m"]["pairwise"]["log_loss"]["value"] < found["calibration"]["m"]["log_loss_before"] + 1e-6
    (note,) = [note for note in all_boards(measured)[0].notes if "log-odds are divided" in note]
    assert "before, log loss" in note


def test_it_changes_no_state_no_utility_and_no_order(settings, tmp_path):
    runs = [
        train(settings("bert", head="general", calibrate=on, out=str(tmp_path / str(on))), GROUPS, HELD_OUT).model
        for on in (True, False)
    ]
    assert runs[1].temperature == 1
    assert "temperature" not in runs[1].block()
    for group in HELD_OUT:
        np.testing.assert_array_equal(runs[0].states(group), runs[1].states(group))
        np.testing.assert_array_equal(runs[0].utilities(group), runs[1].utilities(group))
        assert runs[0].rank(group, "copeland") == runs[1].rank(group, "copeland")


@pytest.mark.parametrize(("head", "objective"), [("distributional", "transport"), ("gaussian", "dpl")])
def test_heads_whose_preferences_follow_from_what_they_say_of_a_crowd_stay_as_they_are(settings, head, objective):
    assert train(settings("bert", head=head, objective=objective), GROUPS, HELD_OUT).model.temperature == 1


def test_without_held_out_groups_there_is_nothing_to_fit_it_to(settings):
    assert train(settings("bert"), GROUPS).model.temperature == 1


def test_blocks_still_sum_to_the_log_odds(settings):
    model = train(settings("bert", head="general", head_settings={"dim": 4}), GROUPS, HELD_OUT).model
    [(_, answer)] = model.encode(HELD_OUT[:1])
    assert isinstance(answer, StateAnswer)
    np.testing.assert_allclose(answer.blocks[1].sum(axis=0), answer.log_odds, atol=1e-9)
