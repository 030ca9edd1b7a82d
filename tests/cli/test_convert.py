"""`polypref convert`, as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from polypref import Comparison, Group, Rating, load_groups, save_groups

PAIRS = [
    {"prompt": f"Question {k}?", "chosen": f"A good answer, {k}.", "rejected": f"A bad answer, {k}."} for k in range(40)
]


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in PAIRS))
    return path


def test_columns_have_other_names_and_files_match_a_pattern(polypref, tmp_path):
    for k in (2, 1):
        (tmp_path / f"part{k}.csv").write_text(f"question,good,bad\nQuestion {k}?,A good answer.,A bad answer.\n")
    names = "prompt=question, chosen=good, rejected=bad"
    run = polypref("convert", tmp_path / "part?.csv", "--columns", names, "--out", tmp_path / "groups.jsonl")
    assert run.status == 0, run.err
    assert [group.prompt for group in load_groups(tmp_path / "groups.jsonl")] == ["Question 1?", "Question 2?"]
    run = polypref("convert", tmp_path / "part?.csv", "--columns", "prompt", "--out", tmp_path / "more.jsonl")
    assert run.status == 2
    assert run.err.startswith("polypref: columns are given as FIELD=COLUMN, such as prompt=question,chosen=good; got ")
    run = polypref("convert", tmp_path / "part?.csv", "--columns", f"{names},id=name", "--out", tmp_path / "more.jsonl")
    assert run.status == 2
    assert "part1.csv: no row has 'name', which is named as the column of id; the first has question, " in run.err
    assert not (tmp_path / "more.jsonl").exists()


def test_pairs_become_groups(polypref, pairs, tmp_path):
    out = tmp_path / "groups.jsonl"
    run = polypref("convert", pairs, "--out", out, "--json")
    assert run.status == 0
    assert json.loads(run.out) == {
        "from": ["trl"],
        "to": "polypref",
        "rows": 40,
        "skipped": {},
        "unwritten": {},
        "files": {str(out): {"groups": 40, "rows": 40}},
    }
    assert load_groups(out)[0] == Group("Question 0?", ("A good answer, 0.", "A bad answer, 0."), (Comparison(0, 1),))


def test_a_split_leaves_no_prompt_on_both_sides(polypref, pairs, tmp_path):
    assert polypref("convert", pairs, "--out", tmp_path / "x.jsonl.gz", "--split", "train=0.7,dev=0.3").status == 0
    parts = [{g.prompt for g in load_groups(tmp_path / f"x.{name}.jsonl.gz")} for name in ("train", "dev")]
    assert len(parts[0]) + len(parts[1]) == 40
    assert not parts[0] & parts[1]
    assert len(parts[0]) > len(parts[1]) > 3


def test_a_part_that_would_be_empty_is_refused_and_nothing_written(polypref, pairs, tmp_path):
    split = ("--split", "train=0.7,dev=0.3")
    assert polypref("convert", pairs, "--out", tmp_path / "x.jsonl", *split).status == 0
    run = polypref("convert", tmp_path / "x.train.jsonl", "--out", tmp_path / "again.jsonl", *split)
    assert run.status == 2
    assert "none falls into dev with the seed 0: give another seed" in run.err
    assert not list(tmp_path.glob("again*"))
    run = polypref("convert", tmp_path / "x.train.jsonl", "--out", tmp_path / "again.jsonl", *split, "--seed", 1)
    assert run.status == 0
    assert len(load_groups(tmp_path / "again.dev.jsonl")) > 3


def test_one_prompt_in_two_files_is_one_group(polypref, tmp_path):
    for name, answer in (("a", "one"), ("b", "two")):
        save_groups([Group("q", (answer, "three"), (Comparison(0, 1),))], tmp_path / f"{name}.jsonl")
    assert polypref("convert", tmp_path / "a.jsonl", tmp_path / "b.jsonl", "--out", tmp_path / "c.jsonl").status == 0
    (group,) = load_groups(tmp_path / "c.jsonl")
    assert group.responses == ("one", "three", "two")
    assert [(c.i, c.j) for c in group.comparisons] == [(0, 1), (2, 1)]


def test_groups_flow_through_pipes(pairs):
    command = [
        sys.executable,
        "-c",
        "from polypref.cli import main; main()",
        "convert",
        "-",
        "--out",
        "-",
        "--to",
        "trl",
    ]
    done = subprocess.run(command, input=pairs.read_bytes(), capture_output=True, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["prompt"], row["chosen"], row["rejected"]) for row in rows] == [tuple(row.values()) for row in PAIRS]
    assert b"40 rows" in done.stderr


def test_fields_can_be_left_out_and_a_domain_given(polypref, tmp_path):
    save_groups([Group("q", ("a", "b"), (Comparison(0, 1, criterion="wit", annotator="ann"),))], tmp_path / "a.jsonl")
    command = (
        "convert",
        tmp_path / "a.jsonl",
        "--out",
        tmp_path / "b.jsonl",
        "--without",
        "criterion",
        "--domain",
        "law",
    )
    assert polypref(*command).status == 0
    assert load_groups(tmp_path / "b.jsonl") == [
        Group("q", ("a", "b"), (Comparison(0, 1, annotator="ann"),), domain="law")
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--to", "csv"], "unknown format 'csv'"),
        (["--to", "lewidi"], "the format 'lewidi' can be read but not written; writable are "),
        (["--split", "train=0.5,dev=0.2"], "expected positive shares that add up to 1"),
        (["--split", "train"], "--split expects parts and shares such as train=0.9,dev=0.1, got 'train'"),
        (["--split", "../x=1"], "--split expects plain names for its parts, got '../x'"),
        (["--without", "prompt"], "cannot leave out prompt; expected one of criterion, "),
        (["--format", "shp"], "pairs.jsonl, row 1, field "),
    ],
)
def test_a_mistake_gets_one_sentence_and_writes_nothing(polypref, pairs, tmp_path, arguments, sentence):
    out = tmp_path / "out.jsonl"
    run = polypref("convert", pairs, "--out", out, *arguments)
    assert run.status == 2
    assert run.err.startswith("polypref: ")
    assert sentence in run.err
    assert run.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == [pairs]


def test_bad_rows_stop_or_are_counted(polypref, pairs, tmp_path):
    with pairs.open("a") as file:
        file.write('{"prompt": "x", "chosen": "same", "rejected": "same"}\n{"prompt": "x"\n')
    out = tmp_path / "out.jsonl"
    run = polypref("convert", pairs, "--out", out)
    assert run.status == 2
    reason = "chosen and rejected are the same text (--skip-bad leaves such rows out)"
    assert run.err == f"polypref: {pairs}, row 41, field rejected: {reason}\n"
    assert not out.exists()
    run = polypref("convert", pairs, "--out", out, "--skip-bad", "--json")
    assert run.status == 0
    assert sum(json.loads(run.out)["skipped"].values()) == 2
    assert f"left out 2 of 42 rows of {pairs}; the first: " in run.err
    assert len(load_groups(out)) == 40


def test_a_folder_that_is_not_there_is_said(polypref, pairs, tmp_path):
    run = polypref("convert", pairs, "--out", tmp_path / "nowhere" / "x.jsonl")
    assert run.status == 2
    assert "cannot be written (No such file or directory)" in run.err


def test_groups_that_a_format_cannot_hold_stop_or_are_counted(polypref, tmp_path):
    rated = Group("r", ("a", "b"), ratings=[Rating(0, 1)])
    save_groups([Group("q", ("a", "b"), (Comparison(0, 1),)), rated], tmp_path / "a.jsonl")
    command = ("convert", tmp_path / "a.jsonl", "--to", "trl", "--out", tmp_path / "b.jsonl", "--json")
    run = polypref(*command)
    assert run.status == 2
    assert "group 2: has no comparisons, and this format holds pairs; --pairs-from-ratings makes" in run.err
    run = polypref(*command, "--skip-bad")
    assert run.status == 0
    assert list(json.loads(run.out)["unwritten"].values()) == [1]
    assert "left out 1 groups that trl cannot hold" in run.err


def test_an_ending_that_is_not_written_is_refused(polypref, pairs, tmp_path):
    run = polypref("convert", pairs, "--out", tmp_path / "out.csv")
    assert run.status == 2
    assert "ends in .csv, which is not written; expected .jsonl" in run.err
    assert list(tmp_path.iterdir()) == [pairs]


def test_domains_left_out_no_longer_keep_a_prompt_apart(polypref, tmp_path):
    groups = [Group("q", ("a", "b"), (Comparison(0, 1),), domain=name) for name in ("law", "art")]
    save_groups(groups, tmp_path / "a.jsonl")
    assert polypref("convert", tmp_path / "a.jsonl", "--out", tmp_path / "b.jsonl", "--without", "domain").status == 0
    (group,) = load_groups(tmp_path / "b.jsonl")
    assert len(group.comparisons) == 2


def test_numbers_of_csv_are_read_as_numbers(polypref, tmp_path):
    (tmp_path / "a.csv").write_text("prompt,chosen,rejected,margin\nq,a,b,2\n")
    assert polypref("convert", tmp_path / "a.csv", "--out", tmp_path / "b.jsonl").status == 0
    (group,) = load_groups(tmp_path / "b.jsonl")
    assert group.comparisons[0].margin == 2


def test_axioms_add_comparisons(polypref, tmp_path):
    save_groups([Group("Why?", ["Because it is so, and always was."])], tmp_path / "a.jsonl")
    options = ("--axioms", "corruption", "--out", tmp_path / "b.jsonl")
    assert polypref("convert", tmp_path / "a.jsonl", *options).status == 0
    (group,) = load_groups(tmp_path / "b.jsonl")
    assert [(c.i, c.j, c.annotator) for c in group.comparisons] == [(0, 1, "axiom:corruption")]
    run = polypref("convert", tmp_path / "a.jsonl", "--axioms", "truth", "--out", tmp_path / "c.jsonl")
    assert (run.status, "unknown axiom 'truth'" in run.err) == (2, True)
