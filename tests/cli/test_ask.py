"""`polypref ask`, as a user meets it."""

import json

import pytest

from polypref import Comparison, Group, load_groups, save_groups


def test_a_trained_model_chooses_by_design(polypref, saved, data, judged, tmp_path):
    out = tmp_path / "tasks.jsonl"
    run = polypref("ask", data, "--model", saved("scalar"), "--budget", 5, "--out", out, "--json")
    assert run.status == 0
    said = json.loads(run.out)
    open_pairs = sum(len(group) * (len(group) - 1) // 2 - 1 for group in judged)
    assert (said["rule"], said["open_pairs"], len(said["asked"])) == ("design", open_pairs, 5)
    assert [group.id for group in load_groups(out)] == [asked["id"] for asked in said["asked"]]
    assert all("nats of information" in asked["why"] for asked in said["asked"])
    assert set(said["settled"]) <= {group.id or str(at) for at, group in enumerate(judged, 1)}


def test_a_cold_start_without_a_model_asks_at_random(polypref, tmp_path):
    save_groups([Group(f"q{k}", ["a", "b", "c"]) for k in range(4)], tmp_path / "pool.jsonl")
    run = polypref(
        "ask", tmp_path / "pool.jsonl", "--budget", 8, "--per-group", 2, "--out", tmp_path / "t.csv", "--form", "csv"
    )
    assert run.status == 0
    assert "8 of 12 open pairs, chosen by random" in " ".join(run.out.split())
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 9


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--budget", 99), "the budget is 99 pairs, and the pool has"),
        (("--budget", 1, "--rule", "design"), "the rule design reads responses: give --model"),
        (("--budget", 1, "--form", "xls"), "unknown form 'xls'"),
        (("--budget", 1, "--error", 2), "the error is 2; expected a number between 0 and 1"),
    ],
)
def test_wrong_input_is_a_sentence(polypref, data, tmp_path, options, said):
    run = polypref("ask", data, *options, "--out", tmp_path / "tasks.jsonl")
    assert run.status == 2
    assert said in run.err
    assert not (tmp_path / "tasks.jsonl").exists()


def test_ties_alone_are_noted(polypref, tmp_path):
    save_groups([Group("q", ["a", "b", "c"], [Comparison(0, 1, 0.5)])], tmp_path / "pool.jsonl")
    run = polypref("ask", tmp_path / "pool.jsonl", "--budget", 1, "--out", tmp_path / "t.jsonl")
    assert run.status == 0
    assert "all 1 judged pairs are ties, which tell nothing" in run.err
