"""Persons on the command line: `--person`, `--votes`, `eval --by annotator` and `polypref forget`."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.tolerance import near

from polypref import Comparison, Group, PreferenceModel, load_groups, save_groups
from polypref.models.persons import Persons


@pytest.fixture
def folder(backbone, tmp_path):
    """A model that knows two persons."""
    model = PreferenceModel.from_backbone(str(backbone), "mixture", prototypes=2)
    model.persons = Persons({"a1": (0.9, 0.1), "a2": (0.1, 0.9)})
    model.head = model.head.as_person((0.5, 0.5))
    model.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def voted(judged, tmp_path):
    """The groups, judged by the two and by somebody else."""
    groups = [
        replace(group, comparisons=[Comparison(0, 1, p=at % 2, annotator=f"a{1 + at % 3}")])
        for at, group in enumerate(judged)
    ]
    save_groups(groups, tmp_path / "voted.jsonl")
    return tmp_path / "voted.jsonl"


def test_a_person_is_scored_and_ranked_as_in_python(polypref, folder, data, judged, tmp_path):
    seen = PreferenceModel.from_pretrained(folder).person("a1")
    listed = json.loads(polypref("rank", folder, "--person", "a1", "--data", data, "--json").out)
    assert listed["person"] == "a1"
    assert [one["ranking"] for one in listed["groups"]] == [seen.rank(group) for group in judged]
    out = tmp_path / "scored.jsonl"
    assert polypref("score", folder, "--person", "a1", "--data", data, "--out", out).status == 0
    for scored, group in zip(load_groups(out), judged, strict=True):
        near(scored.meta["scores"]["utilities"], seen.utilities(group), roundings=100)


def test_a_new_person_is_ranked_by_votes(polypref, folder, data, judged, voted):
    met = PreferenceModel.from_pretrained(folder).meet(load_groups(voted))
    listed = json.loads(polypref("rank", folder, "--votes", voted, "--data", data, "--json").out)
    assert listed["votes"] == str(voted)
    assert [one["ranking"] for one in listed["groups"]] == [met.rank(group) for group in judged]


def test_votes_by_annotator_are_measured_as_theirs_and_as_anybodys(polypref, folder, voted):
    found = json.loads(polypref("eval", folder, "--data", voted, "--by", "annotator", "--no-cache", "--json").out)
    one = found["models"][str(folder)]
    assert (one["persons"], one["pairs"], one["unknown"]) == (2, 7, 3)
    model = PreferenceModel.from_pretrained(folder)
    losses = []
    for group in load_groups(voted):
        (c,) = group.comparisons
        if c.annotator != "a3":
            p = model.person(c.annotator).preferences(group)[0, 1]
            losses.append(-np.log(p if c.p else 1 - p))
    assert one["personal"]["log_loss"]["value"] == pytest.approx(np.mean(losses), rel=1e-5)
    difference = one["personal"]["log_loss"]["value"] - one["anonymous"]["log_loss"]["value"]
    assert one["difference"]["log_loss"]["value"] == pytest.approx(difference)
    shown = polypref("eval", folder, "--data", voted, "--by", "annotator", "--no-cache").out
    assert "7 pairs judged by 2 persons whom it knows" in " ".join(shown.split())
    assert "3 pairs judged by others are left out" in shown


def test_forgetting_is_one_command(polypref, folder):
    run = polypref("forget", folder, "a1")
    assert (run.status, run.out) == (0, f"{folder}: forgot a1; 1 persons stay\n")
    assert PreferenceModel.from_pretrained(folder).persons == Persons({"a2": (0.1, 0.9)})
    run = polypref("forget", folder, "a1")
    assert run.status == 2
    assert "knows nobody called 'a1'" in run.err


def test_what_is_wrong_is_one_sentence(polypref, saved, folder, data, tmp_path):
    unvoted = tmp_path / "unvoted.jsonl"
    save_groups([Group("p", ("a",))], unvoted)
    for words, reason in (
        ((folder, "--person", "A1"), "knows nobody called 'A1', only 2 others; did you mean 'a1'?"),
        ((folder, "--person", "a1", "--votes", data), "contradict each other"),
        ((folder, "--votes", unvoted), "no comparison of two responses"),
        ((saved("scalar"), "--person", "a1"), "a scalar head knows of no persons; train one that does: mixture"),
    ):
        run = polypref("rank", *words, "--data", data)
        assert run.status == 2
        assert run.err.startswith("polypref: ")
        assert run.err.count("\n") == 1
        assert reason in run.err
    run = polypref("eval", saved("scalar"), "--data", data, "--by", "annotator")
    assert run.status == 2
    assert "knows no persons" in run.err
    assert "unknown --by 'age'" in polypref("eval", folder, "--data", data, "--by", "age").err
