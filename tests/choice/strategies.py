"""Random preference matrices for property tests."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import strategies as st

from polypref.choice import is_connected


@st.composite
def preferences(draw: st.DrawFn, *, most: int = 6, complete: bool = True, steps: int = 8) -> np.ndarray:
    """P [K, K] with shares k/steps, so that ties and cycles are common; connected where pairs are missing."""
    size = draw(st.integers(2, most))
    P = np.full((size, size), 0.5)
    for i in range(size):
        for j in range(i + 1, size):
            share = draw(st.integers(0, steps)) / steps
            if not complete and draw(st.integers(0, 3)) == 0 and j != i + 1:
                share = np.nan
            P[i, j], P[j, i] = share, 1 - share
    assert is_connected(P)
    return P


def renumbered(P: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The same preferences with the responses in another order."""
    return P[np.ix_(order, order)]


def random_game(seed: int, scale: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(3, 11))
    upper = np.triu(rng.normal(scale=scale, size=(size, size)), 1)
    return upper - upper.T


def cost(order, P, W) -> float:
    """Votes against an order, pair by pair."""
    pairs = itertools.combinations(order, 2)
    return sum(W[a, b] * P[b, a] for a, b in pairs if not np.isnan(P[a, b]))


def random_preferences(size: int, seed: int, votes: int = 100) -> np.ndarray:
    """Shares of `votes` votes without any order behind them."""
    upper = np.triu(np.random.default_rng(seed).integers(0, votes + 1, (size, size)) / votes, 1)
    return upper + np.tril(1 - upper.T, -1) + 0.5 * np.eye(size)
