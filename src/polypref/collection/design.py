"""Information design: the pairs that together tell most about a linear utility on the states, greedily D-optimal."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_CHUNK = 8192  # pairs whose differences are held at a time

Floats = NDArray[np.floating]
Indices = NDArray[np.integer]


class Chosen(NamedTuple):
    """Pairs in the order of their choice."""

    pairs: NDArray[np.intp]  # [n], which rows of the candidates
    gains: NDArray[np.float64]  # [n], in nats: how much each adds to half the log determinant of the information


def informative_pairs(
    states: Floats, first: Indices, second: Indices, weights: Floats, count: int, prior: NDArray[np.float64]
) -> Chosen:
    """`count` of the pairs (`first`, `second`) [m] of responses with `states` [N, d], each at most once.

    What is known before is `prior` [d, d], positive definite. A judgment of a pair with difference d adds w·d dᵀ, with
    `weights` w [m] = p(1 − p) for a logistic model. Each choice is the one that adds most to the log determinant, and
    brings the gains of all others up to date by a product with each state and a difference for each pair.
    """
    covariance = np.linalg.inv(prior)
    left = leverages(states, first, second, weights, covariance)  # w·dᵀΣd of pairs that are not chosen yet
    chosen, gains = [], []
    for _ in range(min(count, len(first))):
        best = int(np.argmax(left))
        chosen.append(best)
        gains.append(0.5 * np.log1p(left[best]))
        known = covariance @ _differences(states, first[best], second[best])
        share = weights[best] / (1 + left[best])
        covariance -= share * np.outer(known, known)
        along = states @ known
        left -= share * weights * np.square(along[first] - along[second])
        left[best] = -np.inf
    return Chosen(np.array(chosen, dtype=np.intp), np.array(gains))


def leverages(
    states: Floats, first: Indices, second: Indices, weights: Floats, covariance: Floats
) -> NDArray[np.float64]:
    """w·dᵀΣd [m] of each pair."""
    found: NDArray[np.float64] = np.empty(len(first))
    for start in range(0, len(first), _CHUNK):
        part = slice(start, start + _CHUNK)
        differences = _differences(states, first[part], second[part])
        found[part] = weights[part] * np.einsum("md,md->m", differences @ covariance, differences)
    return found


def _differences(states: Floats, first: Indices, second: Indices) -> NDArray[np.float64]:
    return states[first].astype(np.float64) - states[second].astype(np.float64)
