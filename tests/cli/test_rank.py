"""`polypref rank`, as a user meets it."""

from __future__ import annotations

import importlib
import io
import json
import sys

import pytest
from tests.tolerance import near, products

from polypref import Group, PreferenceModel, choice, load_groups, save_groups

RULES = ("borda", "copeland", "kemeny", "lottery", "utility")


@pytest.mark.parametrize("rule", RULES)
def test_json_holds_what_python_ranks(polypref, saved, data, judged, rule):
    run = polypref("rank", saved("general"), "--data", data, "--rule", rule, "--json")
    assert run.status == 0
    found = json.loads(run.out)
    assert found["rule"] == rule
    model = PreferenceModel.from_pretrained(saved("general"))
    for listed, group in zip(found["groups"], judged, strict=True):
        assert (listed["id"], listed["prompt"]) == (group.id, group.prompt)
        assert listed["ranking"] == model.rank(group, rule)


def test_each_rule_has_its_scores(polypref, saved, data, judged):
    model = PreferenceModel.from_pretrained(saved("general"))
    for rule, expected, slope in (  # by how much, at most, a score moves with the log-odds
        ("borda", lambda g: choice.borda_scores(model.preferences(g)), 1 / 4),
        ("copeland", lambda g: choice.copeland_scores(model.preferences(g)), 0),
        ("lottery", lambda g: choice.maximal_lottery(model.preferences(g)), 1 / 4),
        ("utility", model.utilities, 1),
    ):
        listed = json.loads(polypref("rank", saved("general"), "--data", data, "--rule", rule, "--json").out)["groups"]
        for one, group in zip(listed, judged, strict=True):
            near(one["scores"], expected(group), terms=slope * products(model.states(group)))
            by_rank = [one["scores"][at] for at in one["ranking"]]
            assert by_rank == sorted(by_rank, reverse=True)


def test_kemenys_order_shows_who_beats_the_next(polypref, saved, data, judged):
    listed = json.loads(polypref("rank", saved("general"), "--data", data, "--rule", "kemeny", "--json").out)["groups"]
    model = PreferenceModel.from_pretrained(saved("general"))
    P, terms = model.preferences(judged[2]), products(model.states(judged[2])) / 4
    first, second, third, last = listed[2]["ranking"]
    scores = listed[2]["scores"]
    assert scores[last] is None
    near([scores[first], scores[third]], [P[first, second], P[third, last]], terms)


def test_the_screen_shows_the_best_first_with_names(polypref, saved, data, judged):
    run = polypref("rank", saved("general"), "--data", data, "--rule", "lottery")
    assert run.status == 0
    best = json.loads(polypref("rank", saved("general"), "--data", data, "--rule", "lottery", "--json").out)
    order = best["groups"][1]["ranking"]
    screen = run.out[run.out.index("q1 · Question 1: what goes with thyme?") :].split("Question 2")[0]
    assert "probability" in screen
    rows = [line.split() for line in screen.splitlines() if line.split() and line.split()[0].isdigit()]
    assert [int(row[0]) for row in rows] == order
    assert [row[2] for row in rows] == [judged[1].sources[at] for at in order]


def test_one_group_from_standard_input(polypref, saved, judged, monkeypatch):
    row = json.dumps({"prompt": judged[0].prompt, "responses": list(judged[0].responses)}, indent=1)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(row.replace("\n", " ").encode())))
    run = polypref("rank", saved("scalar"), "--data", "-", "--json")
    assert run.status == 0
    assert len(json.loads(run.out)["groups"]) == 1


def test_one_group_in_a_json_file(polypref, saved, judged, tmp_path):
    path = tmp_path / "one.json"
    path.write_text(json.dumps({"prompt": "q", "responses": ["a", "b", "c"]}, indent=2))
    run = polypref("rank", saved("scalar"), "--data", path, "--json")
    assert sorted(json.loads(run.out)["groups"][0]["ranking"]) == [0, 1, 2]


def test_out_holds_the_groups_with_their_ranking(polypref, saved, data, judged, tmp_path):
    out = tmp_path / "ranked.jsonl"
    run = polypref("rank", saved("pair"), "--data", data, "--out", out)
    assert run.status == 0
    assert run.out == f"{out}: 10 groups ranked by borda\n"
    model = PreferenceModel.from_pretrained(saved("pair"))
    for group, before in zip(load_groups(out), judged, strict=True):
        assert group.responses == before.responses
        ranking = group.meta["ranking"]
        assert ranking["order"] == model.rank(before)
        assert (ranking["rule"], ranking["model"]) == ("borda", str(saved("pair")))


@pytest.mark.parametrize("rule", RULES)
def test_one_response_is_the_best(polypref, saved, tmp_path, rule):
    save_groups([Group("q", ("alone",))], tmp_path / "one.jsonl")
    run = polypref("rank", saved("general"), "--data", tmp_path / "one.jsonl", "--rule", rule, "--json")
    assert run.status == 0
    assert json.loads(run.out)["groups"][0]["ranking"] == [0]
    assert polypref("rank", saved("general"), "--data", tmp_path / "one.jsonl", "--rule", rule).status == 0


def test_an_unknown_rule_gets_one_sentence(polypref, saved, data):
    run = polypref("rank", saved("general"), "--data", data, "--rule", "coin")
    assert run.status == 2
    assert run.err == "polypref: unknown rule 'coin'; known are borda, copeland, kemeny, lottery, utility\n"


def test_the_lottery_is_drawn_up_once(polypref, saved, data, judged, monkeypatch):
    lottery = importlib.import_module("polypref.choice.games")
    solved = []

    def counting(*args, **settings):
        solved.append(args)
        return solve(*args, **settings)

    solve = lottery.lsq_linear
    monkeypatch.setattr(lottery, "lsq_linear", counting)
    P = PreferenceModel.from_pretrained(saved("general")).preferences(judged)
    for matrix in P:
        choice.maximal_lottery(matrix)
    once = len(solved)
    assert polypref("rank", saved("general"), "--data", data, "--rule", "lottery", "--json").status == 0
    assert len(solved) == 2 * once
