"""`polypref report`: the page, what is printed, and what is refused."""

from __future__ import annotations

import json

import pytest
from tests.reporting.test_policies import make_run

from polypref import Comparison, Group, save_groups
from polypref.models.encoder import StateEncoder


@pytest.fixture(autouse=True)
def _kept(tmp_path, monkeypatch):
    monkeypatch.setenv("POLYPREF_CACHE", str(tmp_path / "kept"))


@pytest.fixture(scope="module")
def held_out(judged, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "held-out.jsonl"
    save_groups(judged, path)
    return path


def test_a_page_about_models_and_data(polypref, saved, held_out, tmp_path):
    models = [saved("general"), saved("distributional")]
    run = polypref("report", *models, "--data", held_out, "--out", tmp_path / "r.html", "--title", "Two <models>")
    assert run.status == 0, run.err
    assert run.out == f"{tmp_path / 'r.html'}: a report on general, distributional; open it in a browser\n"
    page = (tmp_path / "r.html").read_text()
    assert "<title>Two &lt;models&gt;</title>" in page
    for title in ("What the data are", "The models side by side", "Can the probabilities be trusted?"):
        assert title in page


def test_a_report_after_an_eval_runs_no_model(polypref, saved, held_out, tmp_path, monkeypatch):
    models = [saved("general"), saved("distributional")]
    assert polypref("eval", *models, "--data", held_out).status == 0

    def refuse(*arguments, **settings):
        raise AssertionError("a model ran")

    monkeypatch.setattr(StateEncoder, "states", refuse)
    run = polypref("report", *models, "--data", held_out, "--out", tmp_path / "r.html")
    assert run.status == 0, run.err
    assert "Differences from general" in (tmp_path / "r.html").read_text()
    with pytest.raises(AssertionError, match="a model ran"):
        polypref("report", *models, "--data", held_out, "--out", tmp_path / "r.html", "--no-cache")


def test_json_says_where_it_is_and_the_headline_numbers(polypref, saved, held_out, tmp_path):
    found = {}
    for command in ("report", "eval"):
        out = ("--out", tmp_path / "r.html") if command == "report" else ()
        run = polypref(command, saved("general"), "--data", held_out, "--json", *out)
        assert run.status == 0, run.err
        found[command] = json.loads(run.out)
    assert (found["report"]["out"], found["report"]["groups"]) == (str(tmp_path / "r.html"), 10)
    measured = found["eval"]["models"][str(saved("general"))]["pairwise"]
    for name in ("accuracy", "log_loss", "ece"):
        assert found["report"]["models"]["general"][name] == measured[name]["value"]


def test_without_data_it_shows_training_alone_and_says_so(polypref, backbone, held_out, tmp_path):
    quick = ("--set", "max_steps=2", "--set", "logging_steps=1", "--backbone", backbone)
    assert polypref("train", "--data", held_out, *quick, "--out", tmp_path / "model").status == 0
    run = polypref("report", tmp_path / "model", "--out", tmp_path / "r.html")
    assert run.status == 0
    assert "only how training went" in run.err
    page = (tmp_path / "r.html").read_text()
    assert "loss of model by training step" in page
    assert "The models side by side" not in page


def test_runs_of_alignment_have_a_chapter_of_their_own(polypref, saved, held_out, tmp_path):
    aligned = make_run(tmp_path / "aligned")
    run = polypref("report", aligned, "--out", tmp_path / "r.html", "--json")
    assert run.status == 0, run.err
    told = json.loads(run.out)
    assert told["models"] == {}
    assert told["policies"]["aligned"]["win_rate"] > 0.5
    assert "no --data" not in run.err
    both = polypref("report", saved("general"), aligned, "--data", held_out, "--out", tmp_path / "r.html")
    assert both.out == f"{tmp_path / 'r.html'}: a report on general, aligned; open it in a browser\n"
    page = (tmp_path / "r.html").read_text()
    assert "The models side by side" in page
    assert "What the policies gain" in page
    refused = polypref("report", aligned, "--data", held_out)
    assert refused.status == 2
    assert "--data measures preference models, and all runs are of policies" in refused.err


def test_mistakes_get_one_sentence(polypref, saved, held_out, tmp_path):
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    (tmp_path / "file").write_text("")
    for arguments, sentence in (
        ((tmp_path / "nowhere",), "is no folder"),
        ((tmp_path,), "is no folder of a trained model"),
        ((saved("scalar"), "--data", tmp_path / "nothing.jsonl"), "nothing.jsonl"),
        ((saved("scalar"), "--data", held_out, "--cache", "c", "--no-cache"), "contradict"),
        ((saved("scalar"), "--data", held_out, "--out", tmp_path / "file" / "r.html"), "cannot be written"),
    ):
        run = polypref("report", *arguments)
        assert run.status == 2
        assert run.out == ""
        assert sentence in run.err
        assert run.err.strip().count("\n") == 0


def test_people_who_are_named_have_a_chapter(polypref, saved, judged, tmp_path):
    votes = [Comparison(0, 1, float(u % 2), f"n{u}") for u in range(6)]
    save_groups([Group(one.prompt, one.responses, votes) for one in judged], tmp_path / "voted.jsonl")
    run = polypref("report", saved("general"), "--data", tmp_path / "voted.jsonl", "--out", tmp_path / "r.html")
    assert run.status == 0, run.err
    page = (tmp_path / "r.html").read_text()
    assert "6 persons with 60 votes" in page
    assert "<h3>Who differs from whom</h3>" in page
    assert judged[0].responses[0] in page


def test_people_who_voted_on_one_prompt_alone_have_none(polypref, saved, judged, tmp_path):
    votes = [Comparison(0, 1, float(u % 2), f"n{u}") for u in range(6)]
    first, *others = judged
    save_groups([Group(first.prompt, first.responses, votes), *others], tmp_path / "voted.jsonl")
    run = polypref("report", saved("general"), "--data", tmp_path / "voted.jsonl", "--out", tmp_path / "r.html")
    assert run.status == 0, run.err
    assert "Who differs from whom" not in (tmp_path / "r.html").read_text()


def test_people_who_prefer_nothing_have_none(polypref, saved, judged, tmp_path):
    votes = [Comparison(0, 1, 0.5, f"n{u}") for u in range(6)]
    save_groups([Group(one.prompt, one.responses, votes) for one in judged], tmp_path / "voted.jsonl")
    run = polypref("report", saved("general"), "--data", tmp_path / "voted.jsonl", "--out", tmp_path / "r.html")
    assert run.status == 0, run.err
    assert "no chapter on people: all votes that were held out are ties" in run.err
