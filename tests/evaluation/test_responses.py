"""Metrics of whole groups against SciPy, brute force and numbers by hand."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypref import Comparison, Group, Rating
from polypref.evaluation.metrics import JudgedPairs
from polypref.evaluation.responses import (
    best_of,
    best_of_curve,
    cyclic_scores,
    cyclic_triples,
    kendall,
    length_scores,
    observed_quality,
    observed_ranking,
    pairs_within,
)
from polypref.groups.table import tabulate

SETTINGS = {"resamples": 50, "seed": 0}
GROUPS = st.lists(st.integers(1, 6), min_size=1, max_size=6)


def codes(sizes: list[int]) -> np.ndarray:
    return np.repeat(np.arange(len(sizes)), sizes)


@given(GROUPS)
def test_pairs_are_those_of_one_group(sizes):
    group = codes(sizes)
    expected = {(a, b) for a, b in itertools.combinations(range(len(group)), 2) if group[a] == group[b]}
    first, second = pairs_within(group)
    assert len(first) == len(expected)
    assert set(zip(first.tolist(), second.tolist())) == expected


def test_what_nobody_rated_has_no_rank():
    tau, of = kendall(np.array([1.0, 2, 3]), np.array([2.0, np.nan, 1]), np.zeros(3, np.int64))
    assert (tau.tolist(), of.tolist()) == ([-1.0], [0])


def test_the_observed_order_is_that_of_ratings_or_else_of_shares_won():
    rated = Group("q", ("a", "b"), ratings=[Rating(0, 4, weight=3), Rating(0, 0), Rating(1, 5)])
    compared = Group("r", ("a", "b", "c"), [Comparison(0, 1, p=0.75, weight=4), Comparison(2, 0)])
    pair = Group("s", ("a", "b"), [Comparison(0, 1)])
    table = tabulate([rated, compared, pair])
    quality = observed_quality(table)
    assert quality[:2].tolist() == [3.0, 5.0]
    assert np.isnan(quality[2:]).all()
    ranking = observed_ranking(table, quality)
    assert ranking[:5].tolist() == [3.0, 5.0, pytest.approx(3 / 5), 0.25, 1.0]
    assert np.isnan(ranking[5:]).all()  # one pair is what accuracy measures


def brute_force_best_of(score: np.ndarray, quality: np.ndarray, n: int) -> float:
    """The mean over all draws of n, and over all winners of a draw."""
    drawn = []
    for among in itertools.combinations(range(len(score)), n):
        best = max(score[k] for k in among)
        drawn.append(np.mean([quality[k] for k in among if score[k] == best]))
    return float(np.mean(drawn))


@given(st.integers(2, 6), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_best_of_n_is_the_mean_over_all_draws(k, n, seed):
    rng = np.random.default_rng(seed)
    score, quality = rng.integers(0, 9, k).astype(float), rng.random(k)
    chosen, random, oracle, of = best_of(score, quality, np.zeros(k, np.int64), n)
    if n > k:
        assert len(of) == 0
        return
    if len(set(score)) == k:
        assert chosen == pytest.approx([brute_force_best_of(score, quality, n)])
    assert oracle == pytest.approx([brute_force_best_of(quality, quality, n)])
    assert random == pytest.approx([quality.mean()])
    assert best_of(score, quality, np.zeros(k, np.int64), 1)[0] == pytest.approx([quality.mean()])
    assert random[0] <= oracle[0] + 1e-12


def test_equal_scores_are_drawn_from_blindly():
    chosen, *_ = best_of(np.array([1.0, 1.0, 0.0]), np.array([3.0, 1.0, 9.0]), np.zeros(3, np.int64), 3)
    assert chosen == pytest.approx([2.0])


def test_the_curve_doubles_n_as_far_as_groups_reach():
    group = codes([5, 2])
    curve = best_of_curve(np.arange(7.0), np.arange(7.0), group, np.array([0, 1]), **SETTINGS)
    assert [(point.n, point.groups) for point in curve] == [(1, 2), (2, 2), (4, 1)]
    assert all(point.chosen.value == pytest.approx(point.oracle) for point in curve)
    assert best_of_curve(np.zeros(0), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64), **SETTINGS) == ()


def brute_force_triples(first, second, share) -> set[frozenset[int]]:
    beats = {(a, b) if s > 0.5 else (b, a) for a, b, s in zip(first, second, share) if s != 0.5}
    nodes = {node for pair in beats for node in pair}
    return {frozenset((a, b, c)) for a, b, c in itertools.permutations(nodes, 3) if {(a, b), (b, c), (c, a)} <= beats}


@given(st.integers(3, 7), st.integers(0, 2**32 - 1))
def test_cyclic_triples_are_all_there_are_each_once(k, seed):
    rng = np.random.default_rng(seed)
    first, second = np.triu_indices(k, 1)
    kept = rng.random(len(first)) < 0.9
    first, second = first[kept].astype(np.int64), second[kept].astype(np.int64)
    share = rng.choice([0.0, 0.5, 1.0], len(first), p=[0.45, 0.1, 0.45])
    triples = list(zip(*cyclic_triples(first, second, share)))
    found = [frozenset(node for edge in triple for node in (int(first[edge]), int(second[edge]))) for triple in triples]
    assert len(found) == len(set(found))
    assert set(found) == brute_force_triples(first.tolist(), second.tolist(), share.tolist())


def judged(margin, share, prompt=None) -> JudgedPairs:
    n = len(margin)
    prompt = np.zeros(n, np.int64) if prompt is None else prompt
    return JudgedPairs(np.array(margin), np.array(share), np.ones(n), prompt)


def test_a_utility_gets_two_pairs_of_a_cycle_and_no_cycle_whole():
    first, second, share = np.array([0, 1, 0]), np.array([1, 2, 2]), [1.0, 1.0, 0.0]  # 0 ≻ 1 ≻ 2 ≻ 0
    utility = cyclic_scores(judged([0.2, 0.1, 0.3], share), first, second, **SETTINGS)
    assert (utility.triples, utility.pairs.value, utility.whole.value) == (1, pytest.approx(2 / 3), 0.0)
    general = cyclic_scores(judged([0.2, 0.1, -0.3], share), first, second, **SETTINGS)
    assert (general.pairs.value, general.whole.value) == (1.0, 1.0)
    tied = cyclic_scores(judged([0.0, 0.1, -0.3], share), first, second, **SETTINGS)
    assert (tied.pairs.value, tied.whole.value) == (pytest.approx(2.5 / 3), 0.0)
    assert cyclic_scores(judged([0.2, 0.1, 0.3], [1.0, 1.0, 1.0]), first, second, **SETTINGS) is None


def test_who_prefers_length_gets_nothing_from_balanced_lengths():
    length, other = np.array([100, 100, 100, 100]), np.array([300, 50, 300, 110])
    share = [1.0, 1.0, 0.0, 1.0]  # the preferred is a third, twice, three times, and 0.91 times as long
    longer = np.sign(length - other) * 0.1
    found = length_scores(judged(longer, share, np.arange(4)), length, other, **SETTINGS)
    assert found.longer_wins == 0.5
    assert found.balanced.value == pytest.approx((0 / 2 + 2 / 2) / 2)
    assert (found.pairs, found.alike.value) == (1, 0.0)
    assert [(one.low, one.high, one.pairs, one.accuracy and one.accuracy.value) for one in found.bins] == [
        (0.0, 0.5, 1, 0.0),
        (0.5, pytest.approx(1 / 1.2), 0, None),
        (pytest.approx(1 / 1.2), 1.2, 1, 0.0),
        (1.2, 2.0, 0, None),
        (2.0, None, 2, 1.0),
    ]


def test_twenty_per_cent_longer_is_alike():
    found = length_scores(judged([0.1, 0.1], [1.0, 1.0]), np.array([100, 100]), np.array([120, 121]), **SETTINGS)
    assert found.pairs == 1
    assert length_scores(judged([0.1], [0.5]), np.array([1]), np.array([2]), **SETTINGS) is None


@pytest.mark.slow
def test_a_million_comparisons_take_seconds():
    rng = np.random.default_rng(0)
    groups, k = 170_000, 4
    base = k * np.arange(groups)[:, None]
    i, j = np.triu_indices(k, 1)
    first, second = (base + i).ravel(), (base + j).ravel()
    share = rng.integers(0, 2, len(first)).astype(float)
    pairs = JudgedPairs(rng.normal(size=len(first)), share, np.ones(len(first)), np.repeat(np.arange(groups), 6))
    score, quality, group = rng.random(groups * k), rng.random(groups * k), np.repeat(np.arange(groups), k)
    start = time.process_time()
    cyclic_scores(pairs, first, second, **SETTINGS)
    kendall(score, quality, group)
    best_of_curve(score, quality, group, np.arange(groups), **SETTINGS)
    length_scores(pairs, rng.integers(1, 999, len(first)), rng.integers(1, 999, len(first)), **SETTINGS)
    assert time.process_time() - start < 20  # 3 on an idle core
