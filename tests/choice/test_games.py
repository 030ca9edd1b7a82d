"""Equilibria and gaps against linear programmes, supports tried one by one, and damped fixed points."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize_scalar
from scipy.special import expit, softmax

from polypref import DataError
from polypref.choice import duality_gap, equilibrium, exploitability, maximal_lottery

SCORES = np.array([[0.0, 2.0, -1.0], [-2.0, 0.0, 3.0], [1.0, -3.0, 0.0]])
games = st.builds(
    lambda k, seed: (lambda a: a - a.T)(np.random.default_rng(seed).normal(size=(k, k))),
    st.integers(1, 8),
    st.integers(0, 10**6),
)


def value(game: np.ndarray) -> float:
    """The most that a policy surely gains, as a linear programme over (p, v)."""
    k = len(game)
    found = linprog(
        np.r_[np.zeros(k), -1],
        A_ub=np.c_[-game.T, np.ones(k)],
        b_ub=np.zeros(k),
        A_eq=[np.r_[np.ones(k), 0]],
        b_eq=[1],
        bounds=[(0, 1)] * k + [(None, None)],
    )
    return -found.fun


def by_supports(game: np.ndarray) -> np.ndarray:
    """The equilibrium of a generic game: of all supports of odd size, the one that works."""
    k = len(game)
    for size in range(1, k + 1, 2):
        for support in map(list, combinations(range(k), size)):
            inside = game[np.ix_(support, support)]
            p = np.zeros(k)
            p[support] = np.linalg.lstsq(np.vstack([inside, np.ones(size)]), np.r_[np.zeros(size), 1], rcond=None)[0]
            if p.min() >= 0 and (game @ p).max() <= 1e-9:
                return p
    raise AssertionError("no support works")


def test_the_two_games_of_one_cycle() -> None:
    np.testing.assert_allclose(equilibrium(SCORES), [1 / 2, 1 / 6, 1 / 3], atol=1e-9)
    of_margins = equilibrium(expit(SCORES) - 0.5)
    np.testing.assert_allclose(of_margins, [0.425, 0.217, 0.358], atol=5e-4)
    np.testing.assert_allclose(maximal_lottery(expit(SCORES)), of_margins, atol=1e-12)


@given(games)
def test_nobody_gains_against_an_equilibrium(game) -> None:
    p = equilibrium(game)
    assert p.sum() == pytest.approx(1)
    assert (game @ p).max() <= 1e-7 * max(np.abs(game).max(), 1)
    assert value(game) == pytest.approx(0, abs=1e-8)
    assert duality_gap(game, p) == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(p, by_supports(game), atol=1e-6)


@given(games, st.integers(0, 10**6))
def test_the_gap_is_what_both_sides_gain(game, seed) -> None:
    p = np.random.default_rng(seed).dirichlet(np.ones(len(game)))
    replies = np.eye(len(game))
    expected = max(reply @ game @ p for reply in replies) - min(p @ game @ reply for reply in replies)
    assert duality_gap(game, p) == pytest.approx(expected, abs=1e-12)
    assert exploitability(game, p) == pytest.approx(expected / 2, abs=1e-12)


@given(games, st.integers(0, 10**6), st.floats(0.3, 5))
def test_near_a_reference_it_is_the_limit_of_small_steps(game, seed, beta) -> None:
    reference = np.random.default_rng(seed).dirichlet(np.full(len(game), 3.0)) + 1e-3
    reference /= reference.sum()
    found = equilibrium(game, reference=reference, beta=beta)
    x = np.zeros(len(game))
    step = min(1.0, beta**2 / (1 + np.abs(game).max()) ** 2)
    for _ in range(int(40 / step)):
        x += step * (game @ softmax(np.log(reference) + x) / beta - x)
    np.testing.assert_allclose(found, softmax(np.log(reference) + x), atol=1e-6)
    assert duality_gap(game, found, reference=reference, beta=beta) == pytest.approx(0, abs=1e-9)


def test_the_gap_near_a_reference_against_a_search() -> None:
    game, reference, p, beta = np.array([[0.0, 1.0], [-1.0, 0.0]]), np.array([0.3, 0.7]), np.array([0.6, 0.4]), 0.7

    def kl(q: np.ndarray) -> float:
        return float((q * np.log(q / reference)).sum())

    def gain(share: float) -> float:
        q = np.array([share, 1 - share])
        return float(q @ game @ p) - beta * kl(q) + beta * kl(p)

    best = -minimize_scalar(lambda share: -gain(share), bounds=(1e-9, 1 - 1e-9), method="bounded").fun
    assert exploitability(game, p, reference=reference, beta=beta) == pytest.approx(best, abs=1e-8)
    assert duality_gap(game, p, reference=reference, beta=beta) == pytest.approx(2 * best, abs=1e-8)


def test_a_weak_anchor_leads_to_the_lottery_and_a_strong_one_to_the_reference() -> None:
    reference = np.array([0.2, 0.5, 0.3])
    np.testing.assert_allclose(equilibrium(SCORES, reference=reference, beta=1e-4), [1 / 2, 1 / 6, 1 / 3], atol=1e-3)
    np.testing.assert_allclose(equilibrium(SCORES, reference=reference, beta=1e5), reference, atol=1e-4)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: equilibrium([[0, 1], [1, 0]]), r"A\[0, 1\] = 1 and A\[1, 0\] = 1; a game is made of log-odds"),
        (lambda: equilibrium([[0, 1]]), r"got the shape \(1, 2\)"),
        (lambda: equilibrium([[0, np.nan], [0, 0]]), "NaN or infinity"),
        (lambda: equilibrium(SCORES, beta=-1), "beta is -1"),
        (lambda: equilibrium(SCORES, reference=[1, 0, 0]), "says nothing without a beta"),
        (lambda: equilibrium(SCORES, reference=[1, 0, 0], beta=1), "no probability at all"),
        (lambda: duality_gap(SCORES, [0.5, 0.5]), r"a policy of shape \(2,\) for a game of 3"),
        (lambda: duality_gap(SCORES, [0.5, 0.5, 0.5]), "adding up to 1"),
    ],
)
def test_bad_games_and_policies_are_refused(call, words) -> None:
    with pytest.raises(DataError, match=words):
        call()
