"""Maximal lotteries: what holds for all, exact cases, and the choice among optima."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.choice.strategies import preferences, renumbered

from polypref import Undefined
from polypref.choice import condorcet_winner, maximal_lottery, smith_set


def unbeaten(p: np.ndarray, P: np.ndarray) -> bool:
    return bool((p @ (P - P.T)).min() >= -1e-8)


@given(preferences(most=8))
def test_no_response_beats_it_and_it_lives_in_the_smith_set(P):
    p = maximal_lottery(P)
    assert p.sum() == pytest.approx(1)
    assert (p >= 0).all()
    assert unbeaten(p, P)
    assert set(np.flatnonzero(p)) <= set(smith_set(P))
    if condorcet_winner(P) is not None:
        assert p[condorcet_winner(P)] == pytest.approx(1)


@given(preferences(most=6), st.randoms(use_true_random=False))
def test_it_goes_with_the_responses(P, random):
    order = np.array(random.sample(range(len(P)), len(P)))
    np.testing.assert_allclose(maximal_lottery(renumbered(P, order)), maximal_lottery(P)[order], atol=1e-7)


def test_rock_paper_scissors_by_hand():
    # 0 beats 1 by .2, 1 beats 2 by .8, 2 beats 0 by .6; each is played in proportion to the margin between the others
    P = np.array([[0.5, 0.6, 0.2], [0.4, 0.5, 0.9], [0.8, 0.1, 0.5]])
    np.testing.assert_allclose(maximal_lottery(P), np.array([0.8, 0.6, 0.2]) / 1.6, atol=1e-9)


def test_copies_of_a_response_share_its_probability():
    P = np.array([[0.5, 0.9, 0.1], [0.1, 0.5, 0.8], [0.9, 0.2, 0.5]])
    doubled = P[np.ix_([0, 1, 2, 2], [0, 1, 2, 2])]
    once, twice = maximal_lottery(P), maximal_lottery(doubled)
    np.testing.assert_allclose(twice, [once[0], once[1], once[2] / 2, once[2] / 2], atol=1e-9)


def test_ties_everywhere_give_everyone_the_same():
    np.testing.assert_allclose(maximal_lottery(np.full((4, 4), 0.5)), 0.25)


def test_tiny_margins_are_as_good_as_large_ones():
    P = np.array([[0.5, 0.9, 0.1], [0.1, 0.5, 0.8], [0.9, 0.2, 0.5]])
    np.testing.assert_allclose(maximal_lottery(0.5 + 1e-5 * (P - 0.5)), maximal_lottery(P), atol=1e-6)


def test_a_hundred_responses_with_many_ties():
    rng = np.random.default_rng(5)
    upper = np.triu(rng.integers(0, 3, (100, 100)) / 2, 1)
    P = upper + np.tril(1 - upper.T, -1) + 0.5 * np.eye(100)
    assert unbeaten(maximal_lottery(P), P)


def test_undefined_where_a_pair_is_missing():
    P = np.array([[0.5, 0.7, np.nan], [0.3, 0.5, 0.6], [np.nan, 0.4, 0.5]])
    with pytest.raises(Undefined, match="responses 0 and 2 were never compared"):
        maximal_lottery(P)
