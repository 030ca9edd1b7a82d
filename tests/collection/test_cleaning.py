"""Policies by hand, and that a log undoes them exactly."""

import json

import numpy as np
import pytest

from polypref import Comparison, Group, load_groups, save_groups
from polypref.collection.cleaning import POLICIES, clean_groups, undo, write_log
from polypref.collection.pool import make_pool
from polypref.collection.suspects import Doubt, Doubts, suspect_labels
from polypref.errors import DataError, PolyprefError
from tests.collection.simulated import judged_pairs

GROUPS = [
    Group("flip?", ["a", "b"], [Comparison(0, 1, 1.0, annotator="ann", meta={"note": "kept"})]),
    Group("near?", ["a", "b", "c"], [Comparison(0, 2, 1.0), Comparison(1, 2, 0.0, margin=2.0)]),
    Group("split?", ["a", "b"], [Comparison(0, 1, 1.0), Comparison(1, 0, 1.0)]),
]
DOUBTS = Doubts(
    [
        Doubt(0, 0, 1, 1.0, 1.0, -1.5, 0.25, 0.1, 0.75, "flip"),
        Doubt(1, 0, 2, 1.0, 1.0, 0.125, 1.0, 0.5, 0.25, "near tie"),
        Doubt(1, 2, 1, 1.0, 1.0, 3.0, 1.0, 0.9, 0.0, "sound"),
        Doubt(2, 0, 1, 0.5, 2.0, -3.0, 0.1, 0.1, 0.0, "split"),
    ],
    0.2,
)


def judgments(policy):
    cleaned, changes = clean_groups(GROUPS, DOUBTS, policy)
    assert cleaned[2] == GROUPS[2]
    return [[(c.p, c.margin) for c in group.comparisons] for group in cleaned[:2]], len(changes)


def test_policies_by_hand():
    assert judgments("flip") == ([[(0.0, None)], [(1.0, None), (0.0, 2.0)]], 1)
    assert judgments("drop") == ([[], [(1.0, None), (0.0, 2.0)]], 1)
    assert judgments("smooth") == ([[(0.25, None)], [(0.75, None), (0.0, 2.0)]], 2)
    assert judgments("margin") == ([[(1.0, -1.5)], [(1.0, 0.125), (0.0, 2.0)]], 2)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_log_undoes_every_policy_exactly(policy, tmp_path):
    groups, features, _ = judged_pairs(400, 0.2)
    groups = [*GROUPS, *groups]
    features = [*(np.random.default_rng(0).normal(size=(len(g), 8)) for g in GROUPS), *features]
    cleaned, changes = clean_groups(groups, suspect_labels(groups, features), policy)
    assert changes
    assert cleaned != groups
    write_log(changes, tmp_path / "log.jsonl", policy)
    save_groups(cleaned, tmp_path / "cleaned.jsonl")
    assert undo(load_groups(tmp_path / "cleaned.jsonl"), tmp_path / "log.jsonl") == groups


def test_several_dropped_of_one_group_come_back_in_their_order(tmp_path):
    said = [Comparison(0, 1, annotator=name) for name in "abc"]
    said.insert(1, Comparison(1, 2, annotator="d"))
    group = Group("q", ["a", "b", "c"], said)
    doubts = Doubts([Doubt(0, 0, 1, 1.0, 3.0, -1, 0.1, 0.1, 0.9, "flip")], 0.1)
    cleaned, changes = clean_groups([group], doubts, "drop")
    assert [c.annotator for c in cleaned[0].comparisons] == ["d"]
    write_log(changes, tmp_path / "log", "drop")
    assert undo(cleaned, tmp_path / "log") == [group]


def test_a_log_says_why(tmp_path):
    _, changes = clean_groups(GROUPS, DOUBTS, "flip")
    write_log(changes, tmp_path / "log", "flip")
    head, change = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert head == {"polypref": "clean", "version": 1, "policy": "flip"}
    assert (change["kind"], change["mean"], change["spread"], change["flipped"]) == ("flip", -1.5, 0.25, 0.75)


def test_a_log_of_other_data_is_refused(tmp_path):
    _, changes = clean_groups(GROUPS, DOUBTS, "flip")
    write_log(changes, tmp_path / "log", "flip")
    with pytest.raises(DataError, match="does not fit these data"):
        undo(GROUPS, tmp_path / "log")
    (tmp_path / "other").write_text("{}")
    with pytest.raises(DataError, match="is no log of polypref clean, version 1"):
        undo(GROUPS, tmp_path / "other")
    with pytest.raises(DataError, match="cannot be read"):
        undo(GROUPS, tmp_path / "none")


def test_an_unknown_policy_is_a_sentence():
    with pytest.raises(PolyprefError, match="unknown policy 'mend'; known are flip, smooth, drop, margin"):
        clean_groups(GROUPS, DOUBTS, "mend")


def agreement(groups, features, truth, seen):
    """How far a utility fitted to the groups orders unseen pairs as the true one does."""
    weights = make_pool(groups, features).fit(1.0).weights
    return np.mean(((seen @ weights) > 0) == ((seen @ truth) > 0))


@pytest.mark.parametrize("policy", ["flip", "drop", "smooth"])
def test_cleaning_regains_what_flips_cost_and_harms_nothing(policy):
    seen = np.random.default_rng(9).normal(size=(4000, 8))
    truth = np.random.default_rng(0).normal(size=8)  # the taste of `judged_pairs` with seed 0, but for its length
    before, after = [], []
    for flips in (0.3, 0.0):
        groups, features, _ = judged_pairs(300, flips)
        cleaned, _ = clean_groups(groups, suspect_labels(groups, features), policy)
        before.append(agreement(groups, features, truth, seen))
        after.append(agreement(cleaned, features, truth, seen))
    assert after[0] > before[0]
    assert after[1] > before[1] - 0.01
