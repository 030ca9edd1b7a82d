"""What the demonstration compares its models with."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from polypref import Group, Rating, simulate
from polypref.reporting.demonstration import LABELS, mean_opinion, most_of_a_score, point_distance


def test_a_single_score_is_a_crowd_that_agrees():
    q = np.array([[0.5, 0, 0, 0, 0, 0.5], [0, 0, 1, 0, 0, 0], [0.1, 0.2, 0.3, 0.2, 0.1, 0.1]])
    scores = np.array([3.5, 3.0, 2.2])
    expected = [wasserstein_distance(LABELS, [score], weights) for score, weights in zip(scores, q)]
    assert point_distance(scores, q) == pytest.approx(expected)
    assert point_distance(scores, q)[:2] == pytest.approx([2.5, 0.0])


def test_the_average_opinion_counts_every_rating():
    groups = [Group("q", ("a", "b"), ratings=[Rating(0, 1), Rating(1, 6, weight=3)])]
    assert mean_opinion(groups).tolist() == [0.25, 0, 0, 0, 0, 0.75]


def beaten(*pairs, k=3):
    P = np.full((k, k), 0.5)
    for i, j in pairs:
        P[i, j], P[j, i] = 0.9, 0.1
    return Group("q", tuple(f"r{at}" for at in range(k)), meta={"truth": {"preferences": P.tolist()}})


def test_the_most_a_score_can_reach_is_that_of_the_best_order():
    circle, line = beaten((0, 1), (1, 2), (2, 0)), beaten((0, 1), (1, 2), (0, 2))
    assert most_of_a_score([circle]) == pytest.approx(2 / 3)
    assert most_of_a_score([circle, line]) == pytest.approx(5 / 6)
    assert most_of_a_score([beaten((0, 1))]) == 1.0  # pairs on which the population is even count nothing
    assert most_of_a_score([Group("q", ("a", "b"))]) is None


def test_it_agrees_with_trying_every_order():
    groups = simulate("cyclic", 5, responses=5, seed=2)
    right = pairs = 0
    for group in groups:
        P = np.array(group.meta["truth"]["preferences"])
        tied = np.abs(P - 0.5) < 1e-9
        pairs += int((~tied[np.triu_indices(5, 1)]).sum())
        right += max(
            sum(P[i, j] > 0.5 and not tied[i, j] for i, j in combinations(order, 2)) for order in permutations(range(5))
        )
    assert most_of_a_score(groups) == pytest.approx(right / pairs)
