"""`polypref inspect`, as a user meets it."""

from __future__ import annotations

import json

import pytest
from tests.inspection.cases import CASES, PINNED

from polypref import Comparison, Group, save_groups, simulate

KEYS = {
    "groups", "responses", "comparisons", "ratings", "annotators", "agreement", "cyclic_share", "length_bias",
    "conflicts", "recommended_head", "reasons",
}  # fmt: skip


@pytest.fixture
def cyclic(tmp_path):
    path = tmp_path / "cyclic.jsonl"
    save_groups(simulate("cyclic", 60), path)
    return path


def test_json_is_one_object_with_the_promised_keys(polypref, cyclic):
    run = polypref("inspect", cyclic, "--json")
    assert run.status == 0
    seen = json.loads(run.out)
    assert seen.keys() >= KEYS
    assert seen["cyclic_share"].keys() >= {"value", "low", "high", "noise"}
    assert seen["recommended_head"] == "general"
    assert json.loads(polypref("inspect", cyclic, "--json").out) == seen


def test_json_is_the_pinned_inspection(polypref, tmp_path):
    path = tmp_path / "unjudged.jsonl"
    save_groups(CASES["unjudged"], path)
    pinned = json.loads(PINNED.read_text(encoding="utf-8"))["unjudged"]
    assert json.loads(polypref("inspect", path, "--json").out) == pinned


def test_the_screen_says_what_the_json_says(polypref, cyclic):
    run = polypref("inspect", cyclic)
    assert run.status == 0
    words = " ".join(run.out.split())
    assert "60 groups of 3 responses" in words
    assert "Head general" in words
    assert not run.err


def test_figures_are_written(polypref, cyclic, tmp_path):
    pytest.importorskip("matplotlib", reason="figures need matplotlib")
    run = polypref("inspect", cyclic, "--figures", tmp_path / "figures")
    assert run.status == 0
    assert {path.name for path in (tmp_path / "figures").iterdir()} >= {"cycles.pdf", "cycles.png", "agreement.png"}


def test_what_cannot_be_known_is_said_not_invented(polypref, tmp_path):
    path = tmp_path / "pairs.jsonl"
    save_groups([Group(f"q{k}", ("a", "bb"), (Comparison(0, 1),)) for k in range(3)], path)
    seen = json.loads(polypref("inspect", path, "--json").out)
    assert seen["agreement"] == {"comparisons": None, "ratings": None}
    assert seen["cyclic_share"]["value"] is None
    assert seen["recommended_head"] == "scalar"
    assert "cyclic share" in seen["why"]
    run = polypref("inspect", path)
    assert "cannot be measured" in run.out
    assert "cannot be seen" in run.out


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "has no rows"), ("{}\n", "no known format has rows with no keys"), ("[1]", "expected a JSON object")],
)
def test_a_useless_file_gets_one_sentence(polypref, tmp_path, text, sentence):
    path = tmp_path / "x.jsonl"
    path.write_text(text)
    run = polypref("inspect", path)
    assert run.status == 2
    assert sentence in run.err
    assert run.err.count("\n") == 1


@pytest.fixture
def half_bad(tmp_path):
    path = tmp_path / "half.jsonl"
    rows = [
        {"prompt": f"q{k}", "responses": ["a", "" if k % 2 else "bb"], "comparisons": [{"i": 0, "j": 1}]}
        for k in range(10)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{broken\n")
    return path


def test_bad_rows_are_counted_and_the_first_is_shown(polypref, half_bad):
    run = polypref("inspect", half_bad)
    assert run.status == 0
    assert "5 groups of 2 responses" in run.out
    words = " ".join(run.out.split())
    assert "Left out 5 rows: responses[n]: is empty" in words
    assert "1 row: " in words
    assert "left out 6 of 11 rows" in run.err
    assert "row 2, field responses[1]: is empty" in run.err
    assert run.err.count("\n") == 1
    seen = json.loads(polypref("inspect", half_bad, "--json").out)
    assert seen["groups"] == 5
    assert sum(seen["skipped"].values()) == 6
    assert polypref("inspect", half_bad, "--skip-bad").out == run.out
    stopped = polypref("inspect", half_bad, "--stop-at-bad")
    assert stopped.status == 2
    assert "row 2, field responses[1]: is empty" in stopped.err


def test_a_file_of_bad_rows_alone_gets_one_sentence(polypref, tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps({"prompt": "q", "responses": ["a", ""]}) + "\n")
    run = polypref("inspect", path)
    assert run.status == 2
    assert "every row of 1 was bad, the first: " in run.err
    assert "is empty" in run.err
    assert "--skip-bad" not in run.err
    assert run.err.count("\n") == 1


def test_no_head_is_recommended_where_nobody_judged(polypref, tmp_path):
    path = tmp_path / "unjudged.jsonl"
    save_groups([Group(f"q{k}", ("a", "bb")) for k in range(3)], path)
    seen = json.loads(polypref("inspect", path, "--json").out)
    assert seen["recommended_head"] is None
    assert seen["reasons"] == ["there is nothing to learn from yet: no comparisons and no ratings"]
    assert "Head none" in " ".join(polypref("inspect", path).out.split())


def test_help_names_every_option(polypref):
    run = polypref("inspect", "--help")
    assert run.status == 0
    for option in ("--format", "--skip-bad", "--without", "--figures", "--json"):
        assert option in run.out


def test_mistakes_get_one_sentence(polypref, cyclic, tmp_path):
    for arguments, sentence in (
        ((cyclic, "--preferred", "law"), "has no preferred domain to choose"),
        ((tmp_path / "nothing.txt",), "cannot be read (No such file or directory)"),
        ((cyclic, "--figures", cyclic), "cannot be made a folder"),
    ):
        run = polypref("inspect", *arguments)
        assert run.status == 2
        assert sentence in run.err
        assert run.err.count("\n") == 1
    assert polypref("inspect", cyclic, "--seed", -1).status == 2
    assert polypref("demo", "--out", cyclic).status == 2
