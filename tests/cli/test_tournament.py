"""`polypref tournament`: folders and files of answers against each other."""

from __future__ import annotations

import json

import pytest
import torch
from tests.training.conftest import make_backbone

from polypref import Group, PreferenceModel
from polypref.alignment.samples import Samples, save_samples
from polypref.groups.writing import save_groups


@pytest.fixture
def folder(tmp_path):
    """Two runs that answered the same prompts, a file of other answers, and a judge."""
    model = PreferenceModel.from_backbone(make_backbone("llama", tmp_path / "backbone", seed=9), "general", dim=4)
    with torch.no_grad():
        model.encoder.state_layer.weight.mul_(3)
    model.save_pretrained(tmp_path / "judge")
    for run in ("one", "two"):
        for iteration in range(2):
            inside = tmp_path / run / f"iteration-{iteration}"
            inside.mkdir(parents=True)
            groups = [Group(f"Question {at}?", (f"{run} {iteration}", "yes")) for at in range(3)]
            save_samples([Samples(one, ((1,), (2,)), ("end", "end")) for one in groups], inside / "held-out.jsonl")
        (tmp_path / run / "alignment.json").write_text(json.dumps({"guide": str(tmp_path / "guide")}))
    save_groups([Group(f"Question {at}?", ("other",)) for at in range(2)], tmp_path / "other.jsonl")
    return tmp_path


def test_runs_iterations_and_files_play(polypref, folder) -> None:
    sides = [folder / "one", folder / "two" / "iteration-0", folder / "other.jsonl"]
    run = polypref("tournament", *sides, "--judge", folder / "judge")
    assert run.status == 0, run.err
    assert "How often the policy of the row wins, on 2 prompts" in run.out
    told = json.loads(polypref("tournament", *sides, "--judge", folder / "judge", "--json").out)
    assert told["policies"] == list(map(str, sides))
    assert told["win_rates"][0][1]["value"] + told["win_rates"][1][0]["value"] == pytest.approx(1)
    assert sum(share["value"] for share in told["equilibrium"]) == pytest.approx(1)
    named = [folder / "one" / "iteration-1", *sides[1:]]
    last = json.loads(polypref("tournament", *named, "--judge", folder / "judge", "--json").out)
    assert last["win_rates"] == told["win_rates"]  # a run stands for its last policy


def test_mistakes_get_one_sentence(polypref, folder) -> None:
    (folder / "empty").mkdir()
    (folder / "one" / "alignment.json").write_text(json.dumps({"guide": [str(folder / "judge")]}))
    for arguments, sentence in (
        ((folder / "one", folder / "two"), "is the guide of"),
        ((folder / "one" / "iteration-0", folder / "two"), "is the guide of"),
        ((folder / "two",), "1 policies make no game"),
        ((folder / "two", folder / "empty"), "holds no answers to held-out prompts"),
        ((folder / "two", folder / "nothing.jsonl"), "nothing.jsonl"),
    ):
        run = polypref("tournament", *arguments, "--judge", folder / "judge")
        assert run.status == 2, run.out
        assert sentence in run.err
    allowed = polypref("tournament", folder / "one", folder / "two", "--judge", folder / "judge", "--guide-may-judge")
    assert allowed.status == 0, allowed.err
