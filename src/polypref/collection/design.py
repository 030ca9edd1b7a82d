"""Information design: the pairs that together tell most about a linear utility on the states, greedily D-optimal."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_CHUNK = 8192  # pairs whose differences are held at a time
_HEAD = 8192  # pairs whose gains are kept up to date

Floats = NDArray[np.floating]
Indices = NDArray[np.integer]


class Chosen(NamedTuple):
    """Pairs in the order of their choice."""

    pairs: NDArray[np.intp]  # [n], which rows of the candidates
    gains: NDArray[np.float64]  # [n], in nats: how much each adds to half the log determinant of the information


def informative_pairs(
    states: Floats,
    first: Indices,
    second: Indices,
    weights: Floats,
    count: int,
    prior: NDArray[np.float64],
    *,
    group: Indices | None = None,
    per_group: int | None = None,
) -> Chosen:
    """`count` of the pairs (`first`, `second`) [m] of responses with `states` [N, d], each at most once.

    What is known before is `prior` [d, d], positive definite. A judgment of a pair with difference d adds w·d dᵀ, with
    `weights` w [m] = p(1 − p) for a logistic model. Each choice is the one that adds most to the log determinant.
    A pair's gain only ever falls, so that the gains of all others bound it from above: only the most promising are
    kept up to date, until the best of them falls below what the others promised. At most `per_group` pairs of one
    `group` [m] are chosen.
    """
    covariance = np.linalg.inv(prior)
    may = np.ones(len(first), dtype=np.bool_)
    taken: dict[int, int] = {}
    chosen: list[int] = []
    gains: list[float] = []
    while len(chosen) < count and may.any():
        promised = np.where(may, leverages(states, first, second, weights, covariance), -np.inf)
        head, others = _most_promising(promised)
        left, apart = promised[head], _differences(states, first[head], second[head])
        while len(chosen) < count:
            best = int(np.argmax(left))
            if left[best] == -np.inf or left[best] < others:
                break
            at = int(head[best])
            chosen.append(at)
            gains.append(0.5 * np.log1p(left[best]))
            known = covariance @ apart[best]
            share = weights[at] / (1 + left[best])
            covariance -= share * np.outer(known, known)
            left -= share * weights[head] * np.square(apart @ known)
            left[best], may[at] = -np.inf, False
            if group is not None and per_group is not None:
                own = int(group[at])
                taken[own] = taken.get(own, 0) + 1
                if taken[own] == per_group:
                    may[group == own] = False
                    left[group[head] == own] = -np.inf
    return Chosen(np.array(chosen, dtype=np.intp), np.array(gains))


def _most_promising(promised: NDArray[np.float64]) -> tuple[NDArray[np.intp], float]:
    """The places of the largest values, in ascending order, and the largest of the others."""
    if len(promised) <= _HEAD:
        return np.arange(len(promised)), -np.inf
    order = np.argpartition(-promised, _HEAD)
    return np.sort(order[:_HEAD]), float(promised[order[_HEAD]])


def leverages(
    states: Floats, first: Indices, second: Indices, weights: Floats, covariance: Floats
) -> NDArray[np.float64]:
    """w·dᵀΣd [m] of each pair."""
    mapped = states.astype(np.float64) @ np.linalg.cholesky(covariance)  # their distances are the root of dᵀΣd
    found: NDArray[np.float64] = np.empty(len(first))
    for start in range(0, len(first), _CHUNK):
        part = slice(start, start + _CHUNK)
        apart = mapped[first[part]] - mapped[second[part]]
        found[part] = weights[part] * np.einsum("md,md->m", apart, apart)
    return found


def _differences(states: Floats, first: Indices, second: Indices) -> NDArray[np.float64]:
    return states[first].astype(np.float64) - states[second].astype(np.float64)
