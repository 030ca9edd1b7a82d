"""`polypref people`, as a user meets it."""

from __future__ import annotations

import json

import pytest

from polypref import Comparison, Group, save_groups


@pytest.fixture
def voted(judged, tmp_path):
    """A file in which six persons vote, three one way and three the other."""
    groups = [
        Group(one.prompt, one.responses, [Comparison(0, 1, float(u % 2), f"n{u}") for u in range(6)]) for one in judged
    ]
    save_groups(groups, tmp_path / "voted.jsonl")
    return tmp_path / "voted.jsonl"


def test_json_names_clusters_and_what_they_like(polypref, saved, voted):
    run = polypref("people", saved("scalar"), "--data", voted, "--features", 2, "--clusters", 2, "--json")
    assert run.status == 0
    found = json.loads(run.out)
    assert (found["people"], found["votes"]) == (6, 60)
    assert len(found["clusters"]) == 2
    assert sum(one["share"] for one in found["clusters"]) == pytest.approx(1)
    assert sum(one["people"] for one in found["clusters"]) == 6
    for like in found["clusters"][0]["likes"]:
        assert like["probability"] >= like["elsewhere"]
        assert like["preferred"] != like["to"]
    assert found["log_losses"] is None


def test_the_number_of_clusters_is_chosen_and_shown(polypref, saved, voted):
    run = polypref("people", saved("scalar"), "--data", voted, "--features", 2)
    assert run.status == 0
    assert "6 persons, 60 votes" in run.out
    assert "log-loss of held-out votes" in run.out
    assert "cluster 1" in run.out


def test_nobody_named_is_one_sentence(polypref, saved, data):
    run = polypref("people", saved("scalar"), "--data", data)
    assert run.status == 2
    assert "nobody is named" in run.err
    assert run.err.count("\n") == 1


def test_two_spellings_are_told(polypref, saved, judged, tmp_path):
    said = [Comparison(0, 1, 1.0, "Ann"), Comparison(0, 1, 0.0, "ann")]
    save_groups([Group(one.prompt, one.responses, said) for one in judged], tmp_path / "spelled.jsonl")
    run = polypref("people", saved("scalar"), "--data", tmp_path / "spelled.jsonl", "--features", 2, "--clusters", 1)
    assert run.status == 0
    assert "'Ann' and 'ann' are taken for two persons" in run.err


def test_more_clusters_than_persons_are_refused(polypref, saved, voted):
    run = polypref("people", saved("scalar"), "--data", voted, "--clusters", 9)
    assert run.status == 2
    assert "expected 1 to 6 clusters of 6 persons, got 9" in run.err


def test_a_joint_head_has_no_features(polypref, saved, voted):
    run = polypref("people", saved("pair"), "--data", voted)
    assert run.status == 2
    assert "pair head has no features" in run.err
