"""Preference matrices: pooling, checking, and the parts of a comparison graph."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polypref import DataError, Undefined
from polypref.choice import (
    check_preferences,
    components,
    is_connected,
    preference_matrix,
    require_complete,
    require_connected,
)
from polypref.choice.matrix import check_votes, graph_components, laplacian_inverse

votes = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4), st.integers(1, 5)).filter(
        lambda c: c[0] != c[1]
    ),
    max_size=20,
)


@given(votes)
def test_pooling_by_hand(comparisons):
    i, j, quarters, weight = (list(column) for column in zip(*comparisons)) if comparisons else ([], [], [], [])
    P, W = preference_matrix(i, j, np.array(quarters) / 4, weight, 5)
    for a in range(5):
        for b in range(5):
            wins = sum(w * (q / 4 if (x, y) == (a, b) else 1 - q / 4) for x, y, q, w in comparisons if {x, y} == {a, b})
            total = sum(w for x, y, _, w in comparisons if {x, y} == {a, b})
            assert W[a, b] == total
            if a == b:
                assert P[a, b] == 0.5
            elif total:
                assert P[a, b] == pytest.approx(wins / total)
                assert P[a, b] + P[b, a] == pytest.approx(1)
            else:
                assert np.isnan(P[a, b])
    check_preferences(P)


def test_parts_of_a_graph():
    P, _ = preference_matrix([0, 3], [1, 4], [1.0, 0.5], [1, 1], 5)
    assert components(P).tolist() == [0, 0, 1, 2, 2]
    assert not is_connected(P)
    P, _ = preference_matrix([0, 1], [1, 2], [1.0, 0.0], [1, 1], 3)
    assert is_connected(P)


@pytest.mark.parametrize(
    ("matrix", "reason"),
    [
        ([[0.5, 0.7], [0.4, 0.5]], r"P\[i, j\] \+ P\[j, i\] = 1"),
        ([[0.4]], "½ on the diagonal"),
        ([[0.5, 1.2], [-0.2, 0.5]], "from 0 to 1"),
        ([[0.5, np.nan], [0.5, 0.5]], "both directions"),
        ([[0.5, 0.5]], "matrix"),
    ],
)
def test_what_is_no_preference_matrix_is_refused(matrix, reason):
    with pytest.raises(DataError, match=reason):
        check_preferences(matrix)


@pytest.mark.parametrize(
    ("comparison", "reason"),
    [
        ((0, 0, 0.5, 1), "with itself"),
        ((0, 1, 1.5, 1), "from 0 to 1"),
        ((0, 1, np.nan, 1), "from 0 to 1"),
        ((0, 1, 0.5, 0), "positive"),
        ((-1, 1, 0.5, 1), "negative"),
        ((0, 7, 0.5, 1), "indices start at 0"),
    ],
)
def test_what_is_no_comparison_is_refused(comparison, reason):
    with pytest.raises(DataError, match=reason):
        preference_matrix(*([value] for value in comparison), 3)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 7), st.floats(0, 1), st.integers(0, 10_000))
def test_parts_are_what_paths_connect(size, density, seed):
    adjacent = np.triu(np.random.default_rng(seed).random((size, size)) < density, 1)
    adjacent |= adjacent.T
    P = np.where(adjacent | np.eye(size, dtype=bool), 0.5, np.nan)
    reachable = np.linalg.matrix_power(adjacent + np.eye(size), size) > 0
    labels = components(P)
    np.testing.assert_array_equal(labels[:, None] == labels[None, :], reachable)
    first = [int(np.flatnonzero(labels == part)[0]) for part in range(labels.max() + 1)]
    assert first == sorted(first)
    assert is_connected(P) == reachable.all()


def test_strong_parts_of_a_batch_follow_arrows():
    ring = np.roll(np.eye(3, dtype=bool), 1, axis=1)
    chain = np.triu(np.ones((3, 3), dtype=bool), 1)
    of_ring, of_chain = graph_components(np.stack([ring, chain]), "strong")
    assert len(set(of_ring)) == 1
    assert len(set(of_chain)) == 3


def test_disconnected_graphs_are_described_by_their_parts():
    P, _ = preference_matrix([0, 1], [2, 3], [0.6, 0.6], [1, 1], size=5)
    with pytest.raises(Undefined, match=r"\(responses 0, 2; responses 1, 3; response 4\)"):
        require_connected(P)
    require_connected([[0.5]])


def test_the_first_missing_pair_is_named():
    P, _ = preference_matrix([0, 0, 2], [1, 2, 3], [0.6, 0.6, 0.6], [1, 1, 1], size=4)
    with pytest.raises(Undefined, match="responses 0 and 3 were never compared"):
        require_complete(P)
    require_complete(np.full((3, 3), 0.5))


def test_a_share_of_one_pooled_many_times_stays_one():
    P, _ = preference_matrix([0, 1] * 50, [1, 0] * 50, [1.0, 0.0] * 50, [0.1, 0.7] * 50, size=2)
    assert P[0, 1] == 1
    assert P[1, 0] == 0


def test_infinite_shares_are_refused():
    with pytest.raises(DataError, match="from 0 to 1"):
        check_preferences([[0.5, np.inf], [-np.inf, 0.5]])


def test_single_precision_is_precise_enough():
    share = np.float32(1) / (1 + np.exp(np.float32(0.3)))
    matrix = np.array([[0.5, share], [np.float32(1) - share, 0.5]], dtype=np.float32)
    assert check_preferences(matrix).dtype == np.float64


@pytest.mark.parametrize(
    ("votes", "reason"),
    [
        (np.zeros((2, 2)), "exactly where"),
        ([[0, 1], [2, 0]], "symmetric"),
        ([[0, -1], [-1, 0]], "none negative"),
        ([[0, np.inf], [np.inf, 0]], "finite"),
        ([[1, 1], [1, 0]], "exactly where"),
        (np.ones((3, 3)), "shape"),
    ],
)
def test_votes_that_do_not_fit_are_refused(votes, reason):
    with pytest.raises(DataError, match=reason):
        check_votes(votes, check_preferences([[0.5, 0.7], [0.3, 0.5]]))


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 6), st.floats(0, 1), st.integers(0, 10_000))
def test_laplacian_inverses_are_pseudo_inverses(size, density, seed):
    rng = np.random.default_rng(seed)
    weights = np.triu(rng.uniform(0.1, 10, (4, size, size)) * (rng.random((4, size, size)) < density), 1)
    weights += weights.swapaxes(1, 2)
    laplacians = np.stack([np.diag(w.sum(1)) - w for w in weights])
    np.testing.assert_allclose(laplacian_inverse(weights), np.linalg.pinv(laplacians, rcond=1e-10), atol=1e-9)
