"""`polypref clean`, as a user meets it."""

import json

import pytest

from polypref import Comparison, load_groups, save_groups


@pytest.fixture
def decided(judged, tmp_path):
    groups = [type(g)(g.prompt, g.responses, [Comparison(0, 1, float(k % 3 > 0))]) for k, g in enumerate(judged)]
    save_groups(groups, tmp_path / "data.jsonl")
    return tmp_path / "data.jsonl"


def test_clean_reports_and_undo_restores(polypref, saved, decided, tmp_path):
    out, log = tmp_path / "clean.jsonl", tmp_path / "log.jsonl"
    options = ("--model", saved("scalar"), "--policy", "margin", "--out", out, "--log", log, "--against", decided)
    run = polypref("clean", decided, *options, "--json")
    assert run.status == 0
    said = json.loads(run.out)
    assert sum(said["pairs"].values()) == 10
    assert said["changed"] == 10
    assert len(said["quality"]["leaked"]) == 10
    assert all(c.margin is not None for group in load_groups(out) for c in group.comparisons)
    undone = polypref("clean", out, "--undo", log, "--out", tmp_path / "undone.jsonl")
    assert undone.status == 0
    assert (tmp_path / "undone.jsonl").read_text() == decided.read_text()
    assert "leaked prompts" in polypref("clean", decided, *options).out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "--model and --log are needed"),
        (("--model", "embedded:minilm", "--log", "log", "--policy", "mend"), "unknown policy 'mend'"),
        (("--undo", "nowhere.jsonl"), "nowhere.jsonl: cannot be read"),
    ],
)
def test_wrong_input_is_a_sentence(polypref, decided, tmp_path, options, said):
    run = polypref("clean", decided, *options, "--out", tmp_path / "clean.jsonl")
    assert run.status == 2
    assert said in run.err
    assert not (tmp_path / "clean.jsonl").exists()
