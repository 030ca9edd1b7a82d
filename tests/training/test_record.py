"""What a trained model keeps of its data and its numbers, in config.json and on its card."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from polypref import load_groups
from polypref.groups.fingerprint import fingerprint
from polypref.training.recipe import train
from polypref.training.trainer import PreferenceTrainer
from tests.training.conftest import make_groups


def record_of(folder: Path) -> dict:
    return json.loads((folder / "config.json").read_text())["polypref"]["training"]


def test_a_model_knows_its_data_by_name_and_fingerprint(settings, data):
    found = train(settings(data=[str(data)]))
    assert record_of(found.out)["data"] == {
        "sources": [{"name": "train.jsonl", "on_hub": False}],
        "fingerprint": fingerprint(load_groups(data)),
        "groups": found.tally.groups,
        "comparisons": found.tally.comparisons,
        "ratings": found.tally.ratings,
    }
    assert "held_out" not in record_of(found.out)
    card = (found.out / "README.md").read_text()
    assert "`train.jsonl`" in card
    assert str(data.parent) not in card + (found.out / "config.json").read_text()


def test_numbers_have_the_intervals_of_the_held_out_prompts(settings):
    found = train(settings(), make_groups(12), make_groups(40, seed=1))
    record = record_of(found.out)
    low, high = record["intervals"]["accuracy"]
    assert 0 <= low < found.metrics["eval_accuracy"] < high <= 1
    assert record["held_out"]["groups"] == 40
    card = (found.out / "README.md").read_text()
    assert f"| accuracy | {found.metrics['eval_accuracy']:.4g} | {low:.4g} to {high:.4g} |" in card


def test_a_run_killed_behind_its_last_evaluation_has_the_intervals_all_the_same(settings, monkeypatch):
    groups, held_out = make_groups(12), make_groups(20, seed=1)
    whole = train(settings(), groups, held_out)
    config = settings(out=str(whole.out.parent / "killed"))

    def killed(trainer, out, record):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(PreferenceTrainer, "save_final", killed)
        with pytest.raises(KeyboardInterrupt):
            train(config, groups, held_out)
    resumed = train(config.model_copy(update={"resume": True}), groups, held_out)
    assert record_of(resumed.out)["intervals"] == record_of(whole.out)["intervals"]
