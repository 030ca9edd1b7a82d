"""Runs are read from the folders of their models."""

from __future__ import annotations

import pytest
from tests.reporting.test_building import BLOCK, folder

from polypref import DataError
from polypref.reporting.runs import read_runs


def test_runs_are_read_from_their_folders_and_named_apart(tmp_path):
    history = [
        {"loss": 0.7, "step": 1},
        {"loss": 0.5, "step": 40},
        {"eval_loss": 0.6, "eval_accuracy": 0.8, "step": 40},
    ]
    training = {"objective": None, "backbone": "b", "learning_rate": 2e-4, "frozen": True}
    folder(tmp_path / "a" / "model", config=BLOCK, history=history, training=training)
    folder(tmp_path / "b" / "model", config={})
    one, two = read_runs([tmp_path / "a" / "model", tmp_path / "b" / "model"])
    assert (one.name, two.name) == ("a/model", "b/model")
    assert one.head == "general"
    assert one.settings == {"backbone": "b", "learning_rate": "0.0002", "trains": "last layer", "steps": "40"}
    assert one.curves == {"loss": ((1, 0.7), (40, 0.5)), "eval_loss": ((40, 0.6),), "eval_accuracy": ((40, 0.8),)}
    assert (two.head, dict(two.settings), dict(two.curves)) == ("scalar", {}, {})  # anybody's reward model


def test_a_customized_folder_holds_several_models(tmp_path):
    for name in ("general", "domains/academy", "domains/business"):
        folder(tmp_path / "out" / name, config=BLOCK)
    assert [run.name for run in read_runs([tmp_path / "out"])] == ["general", "academy", "business"]


@pytest.mark.parametrize("files", [{}, {"config": {}, "history": {}}])
def test_folders_without_a_run_are_refused(tmp_path, files):
    with pytest.raises(DataError, match="polypref train"):
        read_runs([folder(tmp_path / "x", **files)])
