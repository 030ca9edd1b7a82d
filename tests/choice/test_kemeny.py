"""Kemeny rankings: against all orders, and beyond: search, bounds, and the split into majority components."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from tests.choice.strategies import cost, preferences, random_preferences

from polypref import Undefined
from polypref.choice import kemeny_ranking
from polypref.choice.kemeny import EXACT_SIZE


@given(preferences(most=6, complete=False))
def test_no_order_costs_less(P):
    rng = np.random.default_rng(0)
    W = rng.integers(1, 9, P.shape).astype(float)
    W = np.where(np.isnan(P), 0.0, np.triu(W, 1) + np.triu(W, 1).T)
    found = kemeny_ranking(P, W)
    costs = {order: cost(order, P, W) for order in itertools.permutations(range(len(P)))}
    least = min(costs.values())
    assert found.exact
    assert found.cost == found.lower_bound == pytest.approx(least)
    assert tuple(found.order) == min(order for order, c in costs.items() if c <= least + 1e-9)


def test_without_votes_every_compared_pair_counts_once():
    P = np.array([[0.5, 0.9, 0.4], [0.1, 0.5, 0.8], [0.6, 0.2, 0.5]])
    assert kemeny_ranking(P).order.tolist() == [0, 1, 2]
    assert kemeny_ranking(P).cost == pytest.approx(0.1 + 0.6 + 0.2)


def test_a_transitive_truth_is_found_at_any_size():
    utility = np.linspace(3, -3, 40)[np.random.default_rng(1).permutation(40)]
    P = 1 / (1 + np.exp(utility[None] - utility[:, None]))
    np.fill_diagonal(P, 0.5)
    found = kemeny_ranking(P)
    assert found.exact
    assert found.order.tolist() == np.argsort(-utility).tolist()


def test_undefined_without_a_connected_graph():
    P = np.full((3, 3), np.nan)
    np.fill_diagonal(P, 0.5)
    P[0, 1], P[1, 0] = 0.7, 0.3
    with pytest.raises(Undefined, match="never compared"):
        kemeny_ranking(P)


def test_some_bounds_are_met_and_some_are_not():
    # with clear winners of every pair, fractional solutions of the linear program are common
    found = [kemeny_ranking(random_preferences(EXACT_SIZE + 4, seed, votes=1)) for seed in range(5)]
    assert {k.exact for k in found} == {True, False}
    assert all(k.exact == (k.cost == k.lower_bound) for k in found)


def test_one_upset_does_not_hide_the_order_of_many():
    size = EXACT_SIZE + 4
    P = np.triu(np.full((size, size), 0.9), 1) + np.tril(np.full((size, size), 0.1), -1) + 0.5 * np.eye(size)
    P[0, -1], P[-1, 0] = 0.4, 0.6  # the last beats the first: all are one component
    found = kemeny_ranking(P)
    assert found.exact
    assert found.order.tolist() == list(range(size))


def test_majority_components_are_ordered_one_by_one():
    # ten triples, each a cycle; every response of a triple beats those of later triples; then shuffled
    size = 30
    P = np.triu(np.full((size, size), 0.8), 1) + np.tril(np.full((size, size), 0.2), -1) + 0.5 * np.eye(size)
    for a in range(0, size, 3):
        P[a, a + 2], P[a + 2, a] = 0.45, 0.55  # the weakest link, against 0.8 and 0.8
    order = np.random.default_rng(0).permutation(size)
    found = kemeny_ranking(P[np.ix_(order, order)])
    assert found.exact
    assert order[found.order].tolist() == list(range(size))


def test_votes_weigh_disagreement():
    P = np.array([[0.5, 0.9, 0.4], [0.1, 0.5, 0.8], [0.6, 0.2, 0.5]])
    W = np.array([[0.0, 1, 50], [1, 0, 1], [50, 1, 0]])
    assert kemeny_ranking(P).order.tolist() == [0, 1, 2]
    assert kemeny_ranking(P, W).order.tolist() == [2, 0, 1]
