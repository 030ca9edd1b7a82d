"""A model is overwritten on purpose only, stays whole until the new one is, and takes nothing of the user's with it."""

from __future__ import annotations

import json
import os

import pytest

from polypref import PreferenceModel
from polypref.training import overwriting
from polypref.training.config import ConfigError
from polypref.training.recipe import train
from polypref.training.trainer import PreferenceTrainer
from tests.training.conftest import make_groups

GROUPS = make_groups(12)


def head_of(folder):
    return PreferenceModel.from_pretrained(folder).head.name


def beside(out):
    return sorted(path.name for path in out.parent.iterdir())


def test_the_new_model_takes_the_place_of_the_old_one(settings):
    out = train(settings(head="general"), GROUPS).out
    (out / "notes.txt").write_text("mine")
    (out / "README.md").write_text("# Mine\n")
    with pytest.raises(ConfigError, match="already holds a model; choose another --out, or add --overwrite"):
        train(settings(head="scalar"), GROUPS)
    found = train(settings(head="scalar", overwrite=True, max_steps=1), GROUPS)
    assert found.out == out
    assert head_of(out) == "scalar"
    assert (out / "notes.txt").read_text() == "mine"
    assert (out / "README.md").read_text() == "# Mine\n"
    kept = json.loads((out / "training.json").read_text())
    assert (kept["out"], kept["head"]) == (str(out), "scalar")
    assert [path.name for path in out.glob("checkpoint-*")] == ["checkpoint-1"]
    assert beside(out) == ["out"]


def test_without_a_model_to_overwrite_it_changes_nothing(settings):
    assert head_of(train(settings(head="gaussian", overwrite=True), GROUPS).out) == "gaussian"


def test_the_old_model_stays_whole_while_the_new_one_is_not(settings, monkeypatch):
    out = train(settings(head="general"), GROUPS).out

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(PreferenceTrainer, "save_final", killed)
        with pytest.raises(KeyboardInterrupt):
            train(settings(head="scalar", overwrite=True), GROUPS)
    assert head_of(out) == "general"
    train(settings(head="scalar", overwrite=True, resume=True), GROUPS)
    assert head_of(out) == "scalar"
    assert beside(out) == ["out"]


@pytest.mark.parametrize("renames", [0, 1, 2])
def test_a_run_killed_while_folders_are_renamed_leaves_a_whole_model(settings, monkeypatch, renames):
    """It dies before, between and behind the two renames; the next run to the same place settles it."""
    out = train(settings(head="general"), GROUPS).out
    (out / "notes.txt").write_text("mine")
    done, rename = [], os.rename

    def dying(source, target):
        if len(done) == renames:
            raise KeyboardInterrupt
        done.append(source)
        rename(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(overwriting.os, "rename", dying)
        with pytest.raises(KeyboardInterrupt):
            train(settings(head="scalar", overwrite=True), GROUPS)
    whole = [folder for folder in out.parent.iterdir() if (folder / "config.json").exists()]
    assert all(head_of(folder) in ("general", "scalar") for folder in whole)
    assert whole
    overwriting.settle(out)
    assert head_of(out) == "scalar"
    assert (out / "notes.txt").read_text() == "mine"
    assert beside(out) == ["out"]
