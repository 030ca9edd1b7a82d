"""Simulated populations: language that hides attributes from single words, and a truth that the votes converge to."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from functools import cache
from itertools import islice, product

import numpy as np
import pytest

from polypref.errors import DataError
from polypref.groups.model import Comparison, Group, Rating
from polypref.groups.simulate import SCENARIOS, STYLES, iter_simulated, simulate

STYLED = ("cyclic", "skewed", "polarised")  # with three responses, one in each style


# --- The language ---------------------------------------------------------------------------------------------------


@cache
def sample_groups() -> list[Group]:
    """Groups with 2,000 responses whose attributes are known."""
    return simulate("consensus", 500, seed=11)


def z_score(outcomes: list[float], probabilities: list[float]) -> float:
    """Standardised sum of independent votes: about normal if the probabilities are true."""
    y, p = np.array(outcomes), np.array(probabilities)
    return float((y - p).sum() / math.sqrt((p * (1 - p)).sum()))


def first_votes(scenario: str, groups: int) -> list[tuple[Group, Comparison, Rating | None]]:
    """One independent vote and rating per group, by one annotator drawn from the pool."""
    k = 3 if scenario in STYLED else 2
    made = simulate(scenario, groups, responses=k, votes=1, seed=3)
    return [(group, group.comparisons[0], group.ratings[0] if group.ratings else None) for group in made]


# --- The scenarios --------------------------------------------------------------------------------------------------


def test_every_scenario_has_a_description():
    assert list(SCENARIOS) == [
        "consensus",
        "divided",
        "polarised",
        "hidden-context",
        "domains",
        "cyclic",
        "skewed",
        "drift",
    ]
    assert all(text and "\n" not in text for text in SCENARIOS.values())


def test_consensus_has_no_camps_and_clear_majorities():
    for group in sample_groups():
        assert set(group.meta["truth"]) == {"preferences", "distributions", "utilities", "attributes"}
    preferences = np.array([group.meta["truth"]["preferences"] for group in sample_groups()])
    rows, columns = np.triu_indices(4, 1)
    assert (np.abs(preferences[:, rows, columns] - 0.5) + 0.5).mean() > 0.7


@pytest.mark.parametrize(("seed", "camps"), [(0, 2), (2, 3)])
def test_divided_camps_disagree_on_most_pairs(seed, camps):
    groups = simulate("divided", 200, seed=seed)
    truths = [group.meta["truth"] for group in groups]
    assert all(len(truth["camps"]) == camps for truth in truths)
    assert sum(camp["share"] for camp in truths[0]["camps"].values()) == pytest.approx(1)
    rows, columns = np.triu_indices(4, 1)
    preferences = np.array([[camp["preferences"] for camp in truth["camps"].values()] for truth in truths])
    sides = preferences[:, :, rows, columns] > 0.5  # [G, camps, 6]
    agree = sides.all(axis=1) | (~sides).all(axis=1)  # [G, 6]
    assert agree.mean() < 0.25
    mixed = sum(camp["share"] * np.array(camp["distributions"]) for camp in truths[0]["camps"].values())
    np.testing.assert_allclose(mixed, truths[0]["distributions"], atol=2e-6)


def test_divided_opinion_is_often_bimodal():
    def valley(p: list[float]) -> float:
        return max(min(max(p[:m]), max(p[m + 1 :])) - p[m] for m in range(1, 5))

    for seed in (0, 2):
        rated = [p for group in simulate("divided", 200, seed=seed) for p in group.meta["truth"]["distributions"]]
        assert np.mean([valley(p) > 0.05 for p in rated]) > 0.3
    rated = [p for group in sample_groups() for p in group.meta["truth"]["distributions"]]
    assert np.mean([valley(p) > 0.05 for p in rated]) < 0.02


def test_divided_annotators_vote_with_the_camp_in_their_name():
    y, p = [], []
    for group, comparison, _ in first_votes("divided", 1500):
        camp, _, number = comparison.annotator.rpartition("-")
        assert number.isdigit()
        y.append(comparison.p)
        p.append(group.meta["truth"]["camps"][camp]["preferences"][comparison.i][comparison.j])
    assert abs(z_score(y, p)) < 4
    side = np.array(p) > 0.5
    assert np.mean(np.array(y)[side]) > 0.75 > 0.25 > np.mean(np.array(y)[~side])


def test_hidden_context_follows_the_criterion_that_only_the_truth_knows():
    y, p = [], []
    for group, comparison, rating in first_votes("hidden-context", 1500):
        truth = group.meta["truth"]
        assert set(truth["criteria"]) == {comparison.annotator}
        assert comparison.criterion is rating.criterion is None
        criterion = truth["criteria"][comparison.annotator]
        y.append(comparison.p)
        p.append(truth["camps"][criterion]["preferences"][comparison.i][comparison.j])
    assert abs(z_score(y, p)) < 4
    side = np.array(p) > 0.5
    assert np.mean(np.array(y)[side]) > 0.7 > 0.3 > np.mean(np.array(y)[~side])


def test_hidden_context_criteria_pull_apart():
    truths = [group.meta["truth"] for group in simulate("hidden-context", 200)]
    best = [{name: int(np.argmax(camp["utilities"])) for name, camp in truth["camps"].items()} for truth in truths]
    assert np.mean([len(set(choice.values())) == 2 for choice in best]) > 0.5


def test_domains_prefer_different_responses_to_the_same_prompt():
    groups = simulate("domains", 400)
    different = []
    for k in range(0, 400, 4):
        block = groups[k : k + 4]
        assert len({(group.prompt, group.responses) for group in block}) == 1
        assert len({group.domain for group in block}) == 4
        different.append(len({int(np.argmax(group.meta["truth"]["utilities"])) for group in block}))
    assert np.mean(different) > 2
    assert len({group.prompt for group in groups}) > 95


def test_cyclic_groups_all_have_the_cycle():
    for group in simulate("cyclic", 50) + simulate("cyclic", 50, responses=6, seed=4):
        truth = np.array(group.meta["truth"]["preferences"])
        assert set(group.sources) == set(STYLES)
        assert set(group.meta["truth"]) == {"preferences", "attributes"}
        number = [STYLES.index(source) for source in group.sources]
        for i, j in product(range(len(group)), repeat=2):
            if (number[i] + 1) % 3 == number[j]:
                assert truth[i, j] == pytest.approx(0.85, abs=0.03)
            elif number[i] == number[j]:
                assert truth[i, j] == 0.5
    assert {group.sources for group in simulate("cyclic", 50)} > {STYLES, STYLES[::-1]}  # in any order


def test_polarised_camps_love_and_hate_the_same_style_and_agree_on_one():
    for group in simulate("polarised", 30) + simulate("polarised", 30, responses=6, seed=4):
        truth = group.meta["truth"]
        assert {attributes["style"] for attributes in truth["attributes"]} == set(STYLES)
        shares = [camp["share"] for camp in truth["camps"].values()]
        assert shares == [0.55, 0.45]
        for i, attributes in enumerate(truth["attributes"]):
            whole = truth["distributions"][i]
            dreamers, strivers = (np.array(camp["distributions"][i]) @ range(1, 7) for camp in truth["camps"].values())
            if attributes["style"] == "expert":
                assert abs(dreamers - strivers) < 0.5
                assert max(whole) == max(whole[2:5])
            else:
                assert abs(dreamers - strivers) > 3.5
                assert min(whole[0], whole[5]) > 0.3  # loved and hated
                assert sum(whole[2:4]) < 0.15


def test_drift_changes_opinion_at_60_percent_of_the_time():
    groups = simulate("drift", 400, votes=6)
    change = groups[0].meta["truth"]["change"]
    times = [c.time for group in groups for c in group.comparisons + group.ratings]
    begin, end = min(times), max(times)
    assert (change - begin) / (end - begin) == pytest.approx(0.6, abs=0.01)
    for group in groups:
        assert [c.time for c in group.comparisons] == sorted(c.time for c in group.comparisons)
    truths = [group.meta["truth"] for group in groups]
    before, after = (np.array([truth[name]["utilities"] for truth in truths]) for name in ("before", "after"))
    assert (before.argmax(axis=1) != after.argmax(axis=1)).mean() > 0.7
    mean = 0.6 * np.array(truths[0]["before"]["preferences"]) + 0.4 * np.array(truths[0]["after"]["preferences"])
    np.testing.assert_allclose(mean, truths[0]["preferences"], atol=2e-6)


def test_drift_votes_follow_the_opinion_of_their_time():
    y, p = [], []
    for group, comparison, _ in first_votes("drift", 1500):
        truth = group.meta["truth"]
        period = truth["before" if comparison.time < truth["change"] else "after"]
        y.append(comparison.p)
        p.append(period["preferences"][comparison.i][comparison.j])
    assert abs(z_score(y, p)) < 4
    side = np.array(p) > 0.5
    assert np.mean(np.array(y)[side]) > 0.7 > 0.3 > np.mean(np.array(y)[~side])


# --- Repeatability --------------------------------------------------------------------------------------------------

DIGEST = """
import hashlib, json
from polypref.groups.simulate import SCENARIOS, simulate
def record(g):
    votes = [[c.i, c.j, c.p, c.annotator, c.time] for c in g.comparisons]
    ratings = [[r.i, r.label, r.annotator, r.time] for r in g.ratings]
    return [g.id, g.prompt, g.responses, votes, ratings, g.domain, g.sources, g.scale, g.meta]
made = [record(g) for s in SCENARIOS for g in simulate(s, 10, responses=5, seed=7)]
digest = hashlib.sha256(json.dumps(made).encode()).hexdigest()
"""


def test_same_arguments_same_bytes_in_every_process():
    here: dict = {}
    exec(DIGEST, here)
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", DIGEST + "print(digest)"],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.strip() == here["digest"]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_group_does_not_depend_on_how_many_are_asked_for(scenario):
    assert simulate(scenario, 9, seed=1)[:4] == simulate(scenario, 4, seed=1)
    assert list(islice(iter_simulated(scenario, 10**12, seed=1), 4)) == simulate(scenario, 4, seed=1)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_seeds_differ(scenario):
    one, other = (simulate(scenario, 3, seed=seed) for seed in (1, 2))
    assert all(a.responses != b.responses for a, b in zip(one, other, strict=True))
    assert [group.id for group in one] == [f"{scenario}-{g}" for g in range(3)]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"scenario": "harmony"}, "consensus, divided"),
        ({"scenario": "cyclic", "responses": 2}, "3 to 6"),
        ({"scenario": "consensus", "responses": 1}, "2 to 32"),
        ({"scenario": "consensus", "groups": -1}, "number of groups"),
        ({"scenario": "consensus", "votes": 41}, "1 to 40 votes"),
        ({"scenario": "consensus", "votes": 0}, "1 to 40 votes"),
        ({"scenario": "consensus", "seed": -1}, "seed"),
        ({"scenario": "divided", "annotators": 1, "votes": 1}, "two annotators"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_at_once(arguments, named):
    with pytest.raises(DataError, match=named):
        iter_simulated(**arguments)
