"""Intervals of shares that come in clusters."""

from __future__ import annotations

import numpy as np
import pytest

from polypref.statistics.intervals import clustered_share


def test_independent_votes_give_wilsons_interval() -> None:
    hits = np.array([1.0] * 30 + [0.0] * 70)
    share, low, high = clustered_share(hits, np.ones(100), np.arange(100))
    # Wilson's score interval for 30 of 100, from its textbook formula with n·(n−1)/n effective votes
    assert share == pytest.approx(0.30)
    assert (low, high) == pytest.approx((0.2189, 0.3958), abs=2e-3)


def test_copies_of_a_vote_in_one_cluster_add_nothing() -> None:
    hits = np.random.default_rng(0).integers(0, 2, 50).astype(float)
    once = clustered_share(hits, np.ones(50), np.arange(50))
    often = clustered_share(np.repeat(hits, 9), np.ones(450), np.repeat(np.arange(50), 9))
    assert often == pytest.approx(once)


def test_unanimity_is_not_certainty() -> None:
    share, low, high = clustered_share(np.ones(12), np.ones(12), np.arange(12))
    assert share == high == 1.0
    assert low == pytest.approx(12 / (12 + 1.959964**2))  # Wilson's bound for 12 of 12


def test_two_clusters_tell_next_to_nothing() -> None:
    hits = np.repeat([0.55, 0.65], 1000)
    _, low, high = clustered_share(hits, np.ones(2000), np.repeat([0, 1], 1000))
    assert low < 0.2
    assert high > 0.9
    assert clustered_share(hits[:1000], np.ones(1000), np.zeros(1000, np.int64))[2] > 0.9


@pytest.mark.slow
def test_the_interval_covers_the_truth_with_clusters() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(1000):
        chance = rng.beta(3, 2, 60)  # clusters differ; their mean is 0.6
        hits = (rng.random((60, 8)) < chance[:, None]).astype(float).ravel()
        _, low, high = clustered_share(hits, np.ones(480), np.repeat(np.arange(60), 8))
        covered += low <= 0.6 <= high
    assert 930 <= covered <= 970
