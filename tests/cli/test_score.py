"""`polypref score`, as a user meets it, killed runs included."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from tests.tolerance import SIX_DIGITS, near, products

from polypref import Group, PreferenceModel, load_groups, save_groups
from polypref.evaluation import scoring
from polypref.models.backbones import BackboneSettings


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Four groups at a time, so that ten groups are three blocks, the last one short."""
    monkeypatch.setattr(scoring, "score_file", partial(scoring.score_file, block=4))


def unscored(groups: list[Group]) -> list[Group]:
    return [replace(g, meta={key: value for key, value in g.meta.items() if key != "scores"}) for g in groups]


@pytest.mark.parametrize("head", ["general", "scalar", "distributional", "gaussian"])
def test_scores_stand_beside_the_groups_and_are_those_of_the_model(polypref, saved, data, judged, tmp_path, head):
    out = tmp_path / "scored.jsonl"
    run = polypref("score", saved(head), "--data", data, "--out", out, "--preferences")
    assert run.status == 0
    assert run.out == f"{out}: 10 groups scored\n"
    groups = load_groups(out)
    assert unscored(groups) == judged
    model = PreferenceModel.from_pretrained(saved(head))
    for group in groups:
        scores = group.meta["scores"]
        assert scores["model"] == str(saved(head))
        states = model.states(group)
        terms = products(states) if head == "general" else float(np.abs(states).max())
        written = partial(near, digits=SIX_DIGITS)
        written(scores["states"], states)
        written(scores["utilities"], model.utilities(group), terms)
        written(scores["preferences"], model.preferences(group), terms / 4)
        assert ("distributions" in scores) == (head == "distributional")
        if head == "distributional":
            written(scores["distributions"], model.distributions(group))
            assert scores["labels"] == [1, 2, 3, 4, 5, 6]


def test_numbers_have_six_digits_and_preferences_are_written_when_asked_for(polypref, saved, data, tmp_path):
    assert polypref("score", saved("general"), "--data", data, "--out", tmp_path / "s.jsonl").status == 0
    for group in load_groups(tmp_path / "s.jsonl"):
        scores = group.meta["scores"]
        assert scores.keys() == {"model", "utilities", "states"}
        for value in np.ravel(scores["states"]):
            assert value == float(f"{value:.6g}")


def test_the_ending_chooses_the_container(polypref, saved, data, tmp_path):
    plain, packed = tmp_path / "s.jsonl", tmp_path / "s.jsonl.gz"
    assert polypref("score", saved("scalar"), "--data", data, "--out", plain).status == 0
    assert polypref("score", saved("scalar"), "--data", data, "--out", packed).status == 0
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    pytest.importorskip("pyarrow")
    for ending in ("jsonl.zst", "parquet"):
        assert polypref("score", saved("scalar"), "--data", data, "--out", tmp_path / f"s.{ending}").status == 0
        assert load_groups(tmp_path / f"s.{ending}") == load_groups(plain)


def test_standard_output_holds_the_lines_alone(polypref, saved, data, tmp_path):
    out = tmp_path / "s.jsonl"
    polypref("score", saved("scalar"), "--data", data, "--out", out)
    run = polypref("score", saved("scalar"), "--data", data, "--out", "-")
    assert run.status == 0
    assert run.out == out.read_text()
    assert run.err == "-: 10 groups scored\n"


def test_scoring_again_replaces_the_scores(polypref, saved, data, tmp_path):
    once, again = tmp_path / "once.jsonl", tmp_path / "again.jsonl"
    polypref("score", saved("scalar", seed=1), "--data", data, "--out", once)
    polypref("score", saved("scalar"), "--data", once, "--out", again)
    assert {group.meta["scores"]["model"] for group in load_groups(again)} == {str(saved("scalar"))}
    assert unscored(load_groups(again)) == unscored(load_groups(once))


@pytest.fixture
def killed(polypref, saved, data, tmp_path):
    """The bytes of a whole run, and a function that leaves what a run killed after so many bytes leaves."""
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    assert polypref("score", saved("general"), "--data", data, "--out", whole).status == 0

    def leave(size: int) -> None:
        (tmp_path / "out.jsonl.unfinished").write_bytes(whole.read_bytes()[:size])

    return whole.read_bytes(), leave, out


def lengths(text: bytes, lines: int) -> int:
    """Bytes of the first lines."""
    return sum(map(len, text.splitlines(keepends=True)[:lines]))


@pytest.mark.parametrize(
    ("lines", "torn", "kept"), [(0, 9, 0), (2, 5, 0), (4, 0, 4), (7, 30, 4), (9, 1, 8), (10, 0, 10)]
)
def test_a_killed_run_goes_on_to_the_same_bytes(polypref, saved, data, killed, lines, torn, kept):
    whole, leave, out = killed
    leave(lengths(whole, lines) + torn)
    run = polypref("score", saved("general"), "--data", data, "--out", out, "--resume", "--json")
    assert run.status == 0
    assert json.loads(run.out)["kept"] == kept
    assert out.read_bytes() == whole
    assert not out.with_name("out.jsonl.unfinished").exists()


def test_a_run_that_fails_midway_leaves_whole_blocks(polypref, saved, data, tmp_path, monkeypatch, killed):
    whole, _, out = killed
    block, calls = scoring.Scorer.block, []

    def dies(scorer, groups, cut):
        calls.append(groups)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return block(scorer, groups, cut)

    monkeypatch.setattr(scoring.Scorer, "block", dies)
    polypref("score", saved("general"), "--data", data, "--out", out)
    monkeypatch.undo()
    assert not out.exists()
    assert out.with_name("out.jsonl.unfinished").read_bytes() == whole[: lengths(whole, 8)]


def test_what_was_left_unfinished_is_neither_overwritten_nor_mixed(polypref, saved, data, judged, tmp_path, killed):
    whole, leave, out = killed
    leave(lengths(whole, 9))
    longer, other = tmp_path / "longer.jsonl", tmp_path / "other.jsonl"
    save_groups(judged[:6], longer)
    save_groups([*judged[:4], *reversed(judged[4:])], other)
    for arguments, sentence in (
        ((saved("general"), "--data", data), "add --resume to go on, or delete it first"),
        ((saved("general", seed=1), "--data", data, "--resume"), "was made by another model than"),
        ((saved("general"), "--data", data, "--resume", "--preferences"), "or with other options"),
        ((saved("general"), "--data", other, "--resume"), "was made from other data"),
        ((saved("general"), "--data", longer, "--resume"), "was made from other data"),
    ):
        run = polypref("score", *arguments, "--out", out)
        assert run.status == 2
        assert sentence in run.err
        assert run.err.count("\n") == 1
        assert not out.exists()
        leave(lengths(whole, 9))


def test_resume_without_anything_to_resume_starts_anew(polypref, saved, data, tmp_path):
    run = polypref("score", saved("scalar"), "--data", data, "--out", tmp_path / "s.jsonl", "--resume", "--json")
    assert json.loads(run.out)["kept"] == 0


def test_a_pair_head_gives_preferences_alone(polypref, saved, data, tmp_path):
    run = polypref("score", saved("pair"), "--data", data, "--out", tmp_path / "s.jsonl")
    assert run.status == 2
    assert "a pair head has no states of single responses" in run.err
    assert run.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["data.jsonl"]
    run = polypref("score", saved("pair"), "--data", data, "--out", tmp_path / "s.jsonl", "--preferences")
    assert run.status == 0
    scores = load_groups(tmp_path / "s.jsonl")[0].meta["scores"]
    assert scores.keys() == {"model", "utilities", "preferences"}


def test_bad_rows_are_found_before_the_model_runs_and_nothing_is_left(polypref, saved, data, tmp_path):
    data.write_text(data.read_text() + '{"prompt": "q", "responses": []}\n')
    run = polypref("score", saved("scalar"), "--data", data, "--out", tmp_path / "s.jsonl")
    assert run.status == 2
    assert "row 11" in run.err
    assert [path.name for path in tmp_path.iterdir()] == ["data.jsonl"]
    run = polypref("score", saved("scalar"), "--data", data, "--out", tmp_path / "s.jsonl", "--skip-bad")
    assert run.status == 0
    assert "left out 1 of 11 rows" in run.err
    assert len(load_groups(tmp_path / "s.jsonl")) == 10


def test_where_it_cannot_write_it_says_so(polypref, saved, data, tmp_path):
    for out, sentence in (
        (tmp_path / "s.txt", "ends in .txt"),
        (tmp_path / "no" / "s.jsonl", "cannot be written (No such file or directory)"),
    ):
        run = polypref("score", saved("scalar"), "--data", data, "--out", out)
        assert run.status == 2
        assert sentence in run.err
    run = polypref("score", saved("scalar"), "--data", data, "--out", "-", "--resume")
    assert run.status == 2
    assert "--resume needs an --out that is a file" in run.err


# — how a model is loaded, which eval and rank ask in the same words —


@pytest.mark.parametrize("command", ["score", "eval", "rank"])
def test_how_a_model_is_loaded_can_be_said(polypref, saved, data, tmp_path, monkeypatch, command):
    asked = []
    load = PreferenceModel.from_pretrained

    def loading(name, **settings):
        asked.append(settings)
        return load(name, **settings)

    monkeypatch.setattr(PreferenceModel, "from_pretrained", loading)
    words = ["--max-length", "12", "--dtype", "bfloat16", "--device", "cpu", "--trust-remote-code"]
    out = ["--out", tmp_path / "out.jsonl"] if command == "score" else []
    run = polypref(command, saved("scalar"), "--data", data, *words, *out)
    assert run.status == 0
    assert "reads 12 tokens of a prompt and a response" in run.err
    settings = BackboneSettings(dtype="bfloat16", trust_remote_code=True)
    assert asked == [{"domain": None, "max_length": 12, "backbone": settings, "device": "cpu"}]


@pytest.mark.parametrize(("option", "value"), [("--dtype", "float7"), ("--device", "toaster")])
def test_a_precision_or_device_that_is_none_gets_one_sentence(polypref, saved, data, option, value):
    run = polypref("rank", saved("scalar"), "--data", data, option, value)
    assert run.status == 2
    assert value in run.err
    assert run.err.startswith("polypref: ")
    assert run.err.count("\n") == 1
