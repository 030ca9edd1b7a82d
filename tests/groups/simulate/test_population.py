"""Simulated people: who votes on what, the truth behind them, and that votes converge to it."""

from __future__ import annotations

import json
import math
from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.groups.simulate.test_scenarios import STYLED, first_votes, z_score

from polypref.groups.simulate import SCENARIOS, simulate
from polypref.groups.simulate.population import CUTS, RATING_NOISE, People

RATED = tuple(name for name in SCENARIOS if name not in ("cyclic", "skewed"))


# --- The judgments --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_pair_gets_its_votes_from_distinct_annotators(scenario):
    k = 3 if scenario in STYLED else 4
    for group in simulate(scenario, 20, votes=7):
        assert len(group) == k
        assert len(group.comparisons) == 7 * k * (k - 1) // 2
        by_pair = Counter((c.i, c.j, c.annotator) for c in group.comparisons)
        assert set(by_pair.values()) == {1}
        assert {(c.i, c.j) for c in group.comparisons} == {(i, j) for i in range(k) for j in range(i + 1, k)}
        assert {c.p for c in group.comparisons} <= {0.0, 1.0}
        assert all(c.criterion is None for c in group.comparisons + group.ratings)
        judges = {c.annotator for c in group.comparisons}
        assert len(judges) == 7
        if scenario not in RATED:
            assert group.ratings == group.scale == ()
        else:
            assert group.scale == (1, 2, 3, 4, 5, 6)
            assert Counter((r.i, r.annotator) for r in group.ratings) == {(i, a): 1 for i in range(k) for a in judges}


@pytest.mark.parametrize("k", [5, 6, 9, 20])
def test_larger_groups_compare_a_connected_choice_of_pairs(k):
    for group in simulate("consensus", 10, responses=k, votes=1):
        pairs = {(c.i, c.j) for c in group.comparisons}
        assert len(pairs) == len(group.comparisons) == 2 * k
        reached, grown = {0}, True
        while grown:
            more = {n for pair in pairs if reached & set(pair) for n in pair}
            reached, grown = reached | more, not more <= reached
        assert reached == set(range(k))


def test_the_pool_is_used_and_named():
    seen = {c.annotator for group in simulate("consensus", 100, annotators=12) for c in group.comparisons}
    assert seen == {f"person-{a:02d}" for a in range(12)}


# --- The truth ------------------------------------------------------------------------------------------------------


def parts(truth: dict) -> list[dict]:
    """The truth and the truths of its camps, criteria or times."""
    found = [truth, *truth.get("camps", {}).values()]
    return found + [truth[name] for name in ("before", "after") if name in truth]


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(SCENARIOS)), st.integers(3, 6), st.integers(3, 50), st.integers(0, 10**6))
def test_truth_is_a_preference_matrix_and_label_distributions(scenario, k, annotators, seed):
    for group in simulate(scenario, 3, responses=k, annotators=annotators, votes=3, seed=seed):
        truth = group.meta["truth"]
        assert json.loads(json.dumps(truth)) == truth
        assert len(truth["attributes"]) == k
        for part in parts(truth):
            preferences = np.array(part["preferences"])
            assert preferences.shape == (k, k)
            np.testing.assert_allclose(preferences + preferences.T, 1.0, atol=1.5e-6)
            assert (np.diag(preferences) == 0.5).all()
            assert ((preferences > 0) & (preferences < 1)).all()
            if scenario in RATED:
                distributions = np.array(part["distributions"])
                assert distributions.shape == (k, 6)
                np.testing.assert_allclose(distributions.sum(axis=1), 1.0, atol=3.1e-6)
                assert (distributions > 0).all()
                assert len(part["utilities"]) == k


def test_opinions_match_the_formulas_person_by_person():
    rng = np.random.default_rng(5)
    people = People.drawn(rng, [f"p{a}" for a in range(7)])
    taste, levels = rng.normal(size=6), rng.choice([-1.0, 1.0], (4, 6))
    opinions = people.opinions(taste, levels)

    def logistic(x: float) -> float:
        return 1 / (1 + math.exp(-x))

    for a in range(7):
        lapse = people.lapses[a]
        u = [sum((taste[d] + people.deviations[a, d]) * levels[i, d] for d in range(6)) for i in range(4)]
        assert opinions.utilities[a] == pytest.approx(u)
        for i, j in product(range(4), range(4)):
            expected = (1 - lapse) * logistic(u[i] - u[j]) + lapse / 2
            assert opinions.preferences[a, i, j] == pytest.approx(expected)
        for i in range(4):
            below = [0.0, *(logistic((cut - u[i]) / RATING_NOISE) for cut in CUTS), 1.0]
            expected = [(1 - lapse) * (below[m + 1] - below[m]) + lapse / 6 for m in range(6)]
            assert opinions.distributions[a, i] == pytest.approx(expected)


def test_label_probabilities_match_utility_plus_logistic_noise():
    people = People(("p",), np.zeros((1, 6)), np.array([0.3]))
    probabilities = people.opinions(np.full(6, 0.1), np.ones((1, 6))).distributions[0, 0]
    rng = np.random.default_rng(0)
    n = 100_000
    labels = (0.6 + rng.logistic(0, RATING_NOISE, n)[:, None] > CUTS).sum(axis=1)
    labels = np.where(rng.random(n) < 0.3, rng.integers(0, 6, n), labels)
    observed = np.bincount(labels, minlength=6)
    chi_square = ((observed - n * probabilities) ** 2 / (n * probabilities)).sum()
    assert chi_square < 25  # 5 degrees of freedom: one in 7,000


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_votes_and_ratings_converge_to_the_truth(scenario):
    votes = first_votes(scenario, 1500)
    truths = [group.meta["truth"] for group, _, _ in votes]
    p = np.array([truth["preferences"][c.i][c.j] for truth, (_, c, _) in zip(truths, votes, strict=True)])
    y = np.array([c.p for _, c, _ in votes])
    chi_square = 0.0
    for part in np.array_split(np.argsort(p, kind="stable"), 5):  # calibrated at every strength of preference
        chi_square += z_score(y[part], p[part]) ** 2
    assert chi_square < 25  # 5 degrees of freedom: one in 7,000
    if scenario in RATED:
        for label in range(1, 7):
            expected = [truth["distributions"][r.i][label - 1] for truth, (_, _, r) in zip(truths, votes, strict=True)]
            assert abs(z_score([float(r.label == label) for _, _, r in votes], expected)) < 4.5


def test_every_annotator_voting_gives_the_mean_of_the_pool():
    groups = simulate("divided", 120, responses=2, annotators=50, votes=50, seed=8)
    shares = np.array([np.mean([c.p for c in group.comparisons]) for group in groups])
    truth = np.array([group.meta["truth"]["preferences"][0][1] for group in groups])
    # 50 votes from 50 people: the variance is below that of independent votes
    assert (np.abs(shares - truth) < 5 * np.sqrt(truth * (1 - truth) / 50)).all()
    assert abs((shares - truth).mean()) < 5 * math.sqrt(0.25 / 50 / 120)
