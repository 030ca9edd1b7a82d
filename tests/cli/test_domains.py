"""`--domain`, as a user meets it in `score` and `rank`."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.tolerance import SIX_DIGITS, near

from polypref import PreferenceModel, load_groups, save_groups
from polypref.models.customized import domain_folder
from polypref.models.domains import DomainModels, save_adapter
from polypref.models.lora import Lora

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning:")  # of peft


@pytest.fixture(scope="session")
def customized(saved, tmp_path_factory):
    """A customised folder: `academy` is an adapter, `poetry` is a whole model, by another seed."""
    out = tmp_path_factory.mktemp("customised")
    PreferenceModel.from_pretrained(saved("general")).save_pretrained(out / "general")
    model = PreferenceModel.from_backbone(str(out / "general"), "general", lora=Lora(rank=2))
    for parameter in model.encoder.new_parameters():
        parameter.data *= -2
    save_adapter(model, domain_folder(out, "academy"))
    PreferenceModel.from_pretrained(saved("general", seed=1)).save_pretrained(domain_folder(out, "poetry"))
    return out


@pytest.fixture
def data(judged, tmp_path):
    """Groups of two domains with models, of one without, and of none."""
    domains = ("academy", "poetry", "chess", None)
    save_groups([replace(group, domain=domains[k % 4]) for k, group in enumerate(judged)], tmp_path / "data.jsonl")
    return tmp_path / "data.jsonl"


@pytest.mark.parametrize("domain", ["academy", "poetry", "general", None, "own"])
def test_scores_are_those_of_the_domains_model_and_say_which(polypref, customized, data, tmp_path, domain):
    words = ["--domain", domain] if domain else []
    run = polypref("score", customized, "--data", data, "--out", tmp_path / "s.jsonl", "--json", *words)
    assert run.status == 0
    assert json.loads(run.out)["domain"] == (domain or "general")
    models = DomainModels.from_pretrained(customized)
    for group in load_groups(tmp_path / "s.jsonl"):
        scores = group.meta["scores"]
        used = models.name_for(group) if domain == "own" else domain or "general"
        assert (scores["model"], scores["domain"]) == (str(customized), used)
        near(scores["states"], models[used].states(group), digits=SIX_DIGITS)


@pytest.mark.parametrize("command", ["eval", "score", "rank"])
def test_who_is_read_by_the_general_model_for_want_of_a_domains_is_said(polypref, customized, data, tmp_path, command):
    groups = load_groups(data)
    others = sum(group.domain not in ("academy", "poetry") for group in groups)
    words = ["--out", tmp_path / "s.jsonl"] if command == "score" else []
    run = polypref(command, customized, "--data", data, "--domain", "own", *words)
    assert run.status == 0
    assert f"the general model read {others} of {len(groups)} groups" in run.err


def test_a_killed_run_over_many_domains_goes_on_to_the_same_bytes(polypref, customized, data, tmp_path, monkeypatch):
    from functools import partial

    from polypref.evaluation import scoring

    monkeypatch.setattr(scoring, "score_file", partial(scoring.score_file, block=4))
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    words = ("score", customized, "--data", data, "--domain", "own")
    assert polypref(*words, "--out", whole).status == 0
    out.with_name("out.jsonl.unfinished").write_bytes(b"".join(whole.read_bytes().splitlines(keepends=True)[:7]))
    other = polypref(*words[:-1], "academy", "--out", out, "--resume")
    assert other.status == 2
    assert "was made by another model" in other.err
    run = polypref(*words, "--out", out, "--resume", "--json")
    assert json.loads(run.out)["kept"] == 4
    assert "the general model read 4 of 10 groups" in run.err
    assert out.read_bytes() == whole.read_bytes()
    later = tmp_path / "later.jsonl"
    later.with_name("later.jsonl.unfinished").write_bytes(b"".join(whole.read_bytes().splitlines(keepends=True)[:9]))
    run = polypref(*words, "--out", later, "--resume", "--json")
    assert json.loads(run.out)["kept"] == 8
    assert "the general model read 2 of 6 groups" in run.err  # the first block again, and what was missing


def test_more_groups_are_scored_together_the_more_domains_there_are(customized, saved):
    assert PreferenceModel.from_pretrained(saved("general")).window == 64
    assert DomainModels.from_pretrained(customized).own.window == 3 * 64


@pytest.mark.parametrize("domain", ["academy", "own"])
def test_rankings_are_those_of_the_domains_model(polypref, customized, data, tmp_path, domain):
    run = polypref("rank", customized, "--data", data, "--domain", domain, "--json")
    assert run.status == 0
    found = json.loads(run.out)
    assert found["domain"] == domain
    models = DomainModels.from_pretrained(customized)
    groups = load_groups(data)
    used = [models.name_for(group) if domain == "own" else domain for group in groups]
    expected = [models[name].rank(group) for name, group in zip(used, groups)]
    assert [one["ranking"] for one in found["groups"]] == expected
    assert [one["domain"] for one in found["groups"]] == used
    assert f"{used[0]} · Question 0" in polypref("rank", customized, "--data", data, "--domain", domain).out
    assert polypref("rank", customized, "--data", data, "--domain", domain, "--out", tmp_path / "r.jsonl").status == 0
    assert [group.meta["ranking"]["domain"] for group in load_groups(tmp_path / "r.jsonl")] == used


def test_ordinary_models_have_no_domain(polypref, saved, data, tmp_path):
    assert polypref("score", saved("general"), "--data", data, "--out", tmp_path / "s.jsonl").status == 0
    assert "domain" not in load_groups(tmp_path / "s.jsonl")[0].meta["scores"]


@pytest.mark.parametrize("command", ["score", "rank"])
def test_what_is_not_there_gets_one_sentence(polypref, customized, saved, data, tmp_path, command):
    no_general = tmp_path / "custom"
    PreferenceModel.from_pretrained(saved("general")).save_pretrained(domain_folder(no_general, "poetry"))
    for arguments, sentence in (
        ((customized, "--domain", "chess"), "no model for the domain 'chess'; known are general, academy, poetry"),
        ((saved("general"), "--domain", "chess"), "is no customised folder"),
        ((saved("general"), "--domain", "own"), "is no customised folder"),
        (("org/name", "--domain", "chess"), "is no customised folder"),
        (("org/name", "--domain", "own"), "there is no model folder"),
        ((no_general, "--domain", "own"), "has no general model"),
        ((no_general,), "has no general model"),
    ):
        out = ["--out", tmp_path / "s.jsonl"] if command == "score" else []
        run = polypref(command, *arguments, "--data", data, *out)
        assert run.status == 2
        assert sentence in run.err
        assert run.err.count("\n") == 1
        assert not (tmp_path / "s.jsonl").exists()


@pytest.mark.parametrize("command", ["score", "rank"])
def test_own_says_how_many_groups_no_domains_model_is_for(polypref, customized, data, judged, tmp_path, command):
    words = (command, customized, "--data", data, "--out", tmp_path / "o.jsonl", "--domain")
    strangers = sum(k % 4 > 1 for k in range(len(judged)))
    assert f"the general model read {strangers} of {len(judged)} groups" in polypref(*words, "own").err
    assert polypref(*words, "academy").err.count("general model") == 0


def test_own_needs_one_judging_domain_a_group(polypref, customized, tmp_path):
    row = {"query": "Why?", "responses": {"academy": "because", "poetry": "roses", "normal": "so"}}
    (tmp_path / "dsp.jsonl").write_text(json.dumps(row) + "\n")
    words = ("rank", customized, "--data", tmp_path / "dsp.jsonl", "--domain", "own")
    run = polypref(*words)
    assert run.status == 2
    assert "is judged by several, each by its own taste: choose one with --preferred" in run.err
    assert polypref(*words, "--preferred", "poetry").status == 0
