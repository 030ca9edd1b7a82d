"""What a report holds: verdicts by hand, prompts with their matrices and opinions, runs read from folders."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from scipy.stats import wasserstein_distance
from tests.reporting.conftest import knowing, make_chapter, ordering

from polypref import Comparison, Group, Rating, simulate
from polypref.customization.measuring import Scores
from polypref.customization.tradeoff import Point, Tradeoff, write_tradeoff
from polypref.reporting.building import average_distance, training_chapter, verdict
from polypref.reporting.contents import ReportData
from polypref.reporting.page import render
from polypref.reporting.runs import read_runs
from polypref.statistics.resampling import Estimate


def test_a_cycle_has_no_condorcet_winner_and_an_even_lottery():
    said = verdict(np.array([[0.5, 0.8, 0.2], [0.2, 0.5, 0.8], [0.8, 0.2, 0.5]]))
    assert said.cycle == (0, 1, 2)
    assert said.winners["Condorcet"] == ()
    assert said.winners["Borda"] == said.winners["Copeland"] == (0, 1, 2)
    assert said.lottery == pytest.approx((1 / 3,) * 3, abs=1e-4)


def test_one_that_beats_all_wins_under_every_rule():
    said = verdict(np.array([[0.5, 0.6, 0.8], [0.4, 0.5, 0.9], [0.2, 0.1, 0.5]]))
    assert set(said.winners.values()) == {(0,)}
    assert said.cycle == ()


def test_what_cannot_be_told_is_said_with_the_reason():
    said = verdict(np.array([[0.5, 0.6, np.nan], [0.4, 0.5, np.nan], [np.nan, np.nan, 0.5]]))
    assert said.winners["Borda"] is None
    assert "never compared" in said.why["Borda"]


def test_chosen_prompts_show_votes_models_and_the_truth():
    chapter = make_chapter(simulate("cyclic", 15, seed=1), {"knowing": knowing, "ordering": ordering}, "t")
    assert 3 <= len(chapter.preferences) <= 9
    first = chapter.preferences[0]
    assert [said.of for said in first.preferences] == ["votes", "model", "model", "truth"]
    matrices = {said.model or said.of: said for said in first.preferences}
    assert matrices["knowing"].matrix == matrices["truth"].matrix
    assert len(matrices["truth"].verdict.cycle) == 3
    assert matrices["ordering"].verdict.cycle == ()
    assert not chapter.opinions  # there are no ratings


def test_opinions_stand_beside_the_ratings_and_the_truth():
    chapter = make_chapter(simulate("divided", 12, votes=20, seed=1), {"knowing": knowing}, "t")
    for prompt in chapter.opinions:
        assert prompt.labels == (1, 2, 3, 4, 5, 6)
        for opinion in prompt.opinions:
            assert sum(opinion.observed) == pytest.approx(1.0, abs=1e-3)
            assert opinion.predicted["knowing"] == pytest.approx(opinion.truth, abs=2e-4)
            assert opinion.ratings == 20


def test_models_may_be_called_votes_ratings_or_truth():
    models = {"votes": ordering, "truth": knowing, "ratings": knowing}
    (first, *_) = make_chapter(simulate("cyclic", 15, seed=1), models, "t").preferences
    assert [(said.of, said.model) for said in first.preferences] == [
        ("votes", None), ("model", "votes"), ("model", "truth"), ("model", "ratings"), ("truth", None)
    ]  # fmt: skip
    votes, model, *_ = first.preferences
    assert votes.matrix != model.matrix
    chapter = make_chapter(simulate("divided", 12, votes=20, seed=1), models, "t")
    page = render(ReportData("t", "today", "0.1", (chapter,)))
    assert page.count('<th scope="row">A</th><td>ratings</td>') == len(chapter.opinions)
    assert page.count('<th scope="row">A</th><td>model ratings</td>') == len(chapter.opinions)


def test_later_models_are_compared_with_the_first():
    groups = simulate("cyclic", 15, seed=1)
    chapter = make_chapter(groups, {"knowing": knowing, "ordering": ordering, "again": knowing}, "t")
    assert list(chapter.differences) == ["ordering", "again"]
    found = {name: chapter.assessments[name].pairwise.accuracy.value for name in chapter.assessments}
    difference = chapter.differences["ordering"]["accuracy"]
    assert difference.value == pytest.approx(found["ordering"] - found["knowing"])
    assert difference.low < difference.value < difference.high < 0
    assert difference.p < 0.05
    same = chapter.differences["again"]["accuracy"]
    assert (same.value, same.p) == (0.0, 1.0)


def test_the_average_opinion_is_one_of_the_data():
    rated = [Rating(0, 1, weight=2), Rating(1, 3)]
    groups = [Group("q", ("a", "b", "c"), ratings=rated), Group("p", ("a",), ratings=[Rating(0, 3)])]
    average = [0.5, 0.5]  # of the labels 1 and 3
    expected = [wasserstein_distance([1, 3], [label], average) for label in (1, 3, 3)]
    assert average_distance(groups) == pytest.approx(sum(expected) / 3)
    assert average_distance([Group("q", ("a", "b"), ratings=[Rating(0, "good")])]) is None


def test_of_many_responses_the_matrix_shows_the_most_voted_twelve():
    votes = [Comparison(i, i + 1, weight=2 if i >= 8 else 1) for i in range(19)]
    group = Group("q", tuple(f"r{k}" for k in range(20)), votes)
    (prompt,) = make_chapter([group], {"ordering": ordering}, "t").preferences
    assert prompt.left_out == 8
    assert len(prompt.preferences[0].matrix) == len(prompt.responses) == 12


def folder(path, **files):
    path.mkdir(parents=True)
    for name, value in files.items():
        (path / f"{name}.json").write_text(json.dumps(value))
    return path


BLOCK = {"polypref": {"head": "general", "training": {"steps": 40}}}


def scores(domain: float, general: float) -> Scores:
    return Scores(
        Estimate(domain), {"helpful": Estimate(general)}, Estimate(general), Estimate(domain - 0.5), Estimate(0.0)
    )


def test_what_customizing_gained_and_lost_is_shown(tmp_path):
    points = [Point(0, None, scores(0.5, 0.8)), Point(10, None, scores(0.9, 0.7)), Point(10, 0.5, scores(0.8, 0.79))]
    found = Tradeoff("academy", points, points[2], 0.02, scores(0.5, 0.8), scores(0.8, 0.79), scores(0.9, 0.7))
    for name in ("general", "domains/academy"):
        folder(tmp_path / "out" / name, config=BLOCK)
    write_tradeoff(tmp_path / "out" / "domains" / "academy", found)
    runs = read_runs([tmp_path / "out"])
    assert [run.tradeoff for run in runs] == [None, found]
    page = render(ReportData("t", "today", "0.1", (training_chapter("t", runs),)))
    assert "What customising gains and loses" in page
    assert "a mixture: domain 80%, general 79%" in page
    cells = re.findall(r'<th scope="row">academy</th>(?:<td>[^<]*</td>){4}', page)
    numbers = [re.findall("<td>([^<]*)</td>", row) for row in cells]
    assert numbers[:3] == [
        ["0", "–", "0.500", "0.800"],
        ["10", "–", "0.900", "0.700"],
        ["10", "0.5", "0.800", "0.790"],
    ]
