"""Equilibria of games: what holds for all, and by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, softmax
from tests.choice.strategies import random_game, renumbered

from polypref import DataError, Undefined
from polypref.choice import check_game, duality_gap, duality_gaps, equilibrium, exploitability, maximal_lottery

SCORES = np.array([[0.0, 2, -1], [-2, 0, 3], [1, -3, 0]])
RPS = np.array([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]])


@st.composite
def games(draw: st.DrawFn, most: int = 6) -> np.ndarray:
    """Skew-symmetric with small whole entries, so that ties and several equilibria are common."""
    size = draw(st.integers(1, most))
    upper = np.zeros((size, size))
    for i, j in combinations(range(size), 2):
        upper[i, j] = draw(st.integers(-4, 4))
    return upper - upper.T


@given(games())
def test_no_response_beats_it_and_the_value_is_0(A):
    p = equilibrium(A)
    assert p.sum() == pytest.approx(1)
    assert (p >= 0).all()
    assert (A @ p).max() <= 1e-8 * max(1, abs(A).max())
    assert p @ A @ p == pytest.approx(0, abs=1e-9)
    assert duality_gap(A, p) <= 1e-7


@given(games(), st.randoms(use_true_random=False))
def test_it_goes_with_the_responses(A, random):
    order = np.array(random.sample(range(len(A)), len(A)))
    np.testing.assert_allclose(equilibrium(renumbered(A, order)), equilibrium(A)[order], atol=1e-7)
    regularised = equilibrium(A, beta=0.5)
    np.testing.assert_allclose(equilibrium(renumbered(A, order), beta=0.5), regularised[order], atol=1e-9)


def test_the_scores_and_their_probabilities_are_different_games():
    np.testing.assert_allclose(equilibrium(SCORES), [3 / 6, 1 / 6, 2 / 6], atol=1e-10)  # margins of the other two
    P = expit(SCORES)
    np.testing.assert_allclose(equilibrium(P - 0.5), [0.425, 0.217, 0.358], atol=5e-4)
    np.testing.assert_allclose(equilibrium(P - 0.5), maximal_lottery(P), atol=1e-9)


def test_rock_paper_scissors_and_a_response_that_dominates():
    np.testing.assert_allclose(equilibrium(RPS), 1 / 3, atol=1e-12)
    dominated = np.zeros((4, 4))
    dominated[:3, :3], dominated[:3, 3], dominated[3, :3] = RPS, 0.1, -0.1
    np.testing.assert_allclose(equilibrium(dominated), [1 / 3, 1 / 3, 1 / 3, 0], atol=1e-12)
    dominant = -dominated
    np.testing.assert_allclose(equilibrium(dominant), [0, 0, 0, 1], atol=1e-12)


def test_of_several_equilibria_it_is_the_most_even():
    np.testing.assert_allclose(equilibrium(np.zeros((3, 3))), 1 / 3)


@settings(max_examples=60)
@given(games(), st.floats(0.05, 3), st.integers(0, 10**6))
def test_the_regularised_equilibrium_is_the_best_response_to_itself(A, beta, seed):
    rho = np.random.default_rng(seed).dirichlet(np.ones(len(A)))
    p = equilibrium(A, reference=rho, beta=beta)
    np.testing.assert_allclose(p, softmax(np.log(rho) + A @ p / beta), atol=1e-11)
    assert duality_gap(A, p, reference=rho, beta=beta) <= 1e-9
    assert (p > 0).all()


def test_a_small_price_leads_to_the_equilibrium_and_a_large_one_to_the_reference():
    rho = np.array([0.2, 0.3, 0.5])
    np.testing.assert_allclose(equilibrium(SCORES, reference=rho, beta=1e-3), [3 / 6, 1 / 6, 2 / 6], atol=1e-3)
    np.testing.assert_allclose(equilibrium(SCORES, reference=rho, beta=1e5), rho, atol=1e-4)
    unheld = equilibrium(SCORES, reference=[0.5, 0, 0.5], beta=0.5)
    assert unheld[1] == 0
    assert unheld[2] / unheld[0] == pytest.approx(np.exp(2))  # 2 wins 1 against 0, at a price of ½


def test_a_price_too_small_for_double_precision_is_undefined():
    with pytest.raises(Undefined, match="a beta of 1e-30 is too small beside the game"):
        equilibrium(SCORES, beta=1e-30)


def test_gaps_by_hand():
    assert duality_gap(RPS, [1, 0, 0]) == 2  # either side wins 1 by paper against rock
    assert exploitability(RPS, [1, 0, 0]) == 1
    assert duality_gap(RPS, [0.5, 0.5, 0]) == 1
    # against rock at β = 1 and a uniform reference: log((1 + e + 1/e)/3), and log 3 for leaving the reference
    expected = 2 * (np.log((1 + np.e + 1 / np.e) / 3) + np.log(3))
    assert duality_gap(RPS, [1, 0, 0], beta=1.0) == pytest.approx(expected)
    assert duality_gap(RPS, [1, 0, 0], reference=[0, 0.5, 0.5], beta=1.0) == np.inf


@given(games(), st.floats(0.1, 2), st.integers(0, 10**6))
def test_a_gap_is_the_best_of_both_sides(A, beta, seed):
    rng = np.random.default_rng(seed)
    rho, p, others = (rng.dirichlet(np.ones(len(A)), size) for size in (None, None, 200))

    def value(first, second):
        divergence = [np.sum(q * np.log(q / rho)) for q in (first, second)]
        return first @ A @ second - beta * divergence[0] + beta * divergence[1]

    gap = duality_gap(A, p, reference=rho, beta=beta)
    assert gap >= max(value(q, p) for q in others) - min(value(p, q) for q in others) - 1e-9
    best = softmax(np.log(rho) + A @ p / beta)
    assert gap == pytest.approx(value(best, p) - value(p, best), abs=1e-9)


def test_gaps_of_many_policies_are_those_of_each():
    A, rng = random_game(3), np.random.default_rng(0)
    policies = rng.dirichlet(np.ones(len(A)), size=(4, 2))
    for beta in (0.0, 0.3):
        each = [[duality_gap(A, p, beta=beta) for p in row] for row in policies]
        np.testing.assert_allclose(duality_gaps(A, policies, beta=beta), each)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: equilibrium([[0.0, 1], [1, 0]]), r"A\[i, j\] = −A\[j, i\], got 1.0 at \(0, 1\) and 1.0 at \(1, 0\)"),
        (lambda: equilibrium([[0.0, np.nan], [np.nan, 0]]), "finite and skew-symmetric"),
        (lambda: check_game([1.0, 2]), r"matrix \[K, K\], got the shape \(2,\)"),
        (lambda: equilibrium(RPS, beta=-1), "beta of at least 0, got -1"),
        (lambda: equilibrium(RPS, reference=[0.2, 0.3, 0.5]), "give a beta above 0"),
        (lambda: equilibrium(RPS, reference=[0.5, 0.5], beta=1), "reference over 3 responses, got 2"),
        (lambda: equilibrium(RPS, reference=[0.5, 0.5, 0.5], beta=1), "reference to be probabilities"),
        (lambda: duality_gap(RPS, [0.5, 0.5]), "policies over 3 responses"),
        (lambda: duality_gap(RPS, [2.0, -1, 0]), "policy to be probabilities"),
    ],
)
def test_what_is_no_game_is_refused(call, match):
    with pytest.raises(DataError, match=match):
        call()
