"""Weights on the simplex that explain one person's votes: a convex fit of a few numbers, in milliseconds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import expit

Floats = npt.NDArray[np.float64]

_LEAST = 1e-4  # of a weight that others have on average: a person may still want what nobody wanted
_STEPS, _HALVINGS = 50, 40
_CLOSE = 1e-12  # Newton's decrement


def fit_weights(differences: Floats, share: Floats, votes: Floats, mean: Floats, shrinkage: float) -> Floats:
    """argmin_w Σ_n votes·H(share, σ(d_n·w)) − shrinkage·Σ_k m_k·log w_k over the simplex, for `differences` `[n, K]`.

    H is the cross-entropy and m the `mean` `[K]` of the population: `shrinkage` votes' worth of it, so that whoever
    said nothing is the mean, and whoever said little is near it. Convex, and solved by Newton's method under Σw = 1,
    which the logarithm keeps inside the simplex → `[K]`.
    """
    pull = shrinkage * _inside(mean)
    w = _inside(mean)
    for _ in range(_STEPS):
        p = expit(differences @ w)
        gradient = differences.T @ (votes * (p - share)) - pull / w
        hessian = (differences.T * (votes * p * (1 - p))) @ differences + np.diag(pull / w**2)
        towards = np.linalg.solve(hessian, np.stack([-gradient, np.ones(len(w))], axis=1))
        step = towards[:, 0] - towards[:, 1] * (towards[:, 0].sum() / towards[:, 1].sum())
        slope = float(gradient @ step)
        if -slope < _CLOSE:
            break
        w = _descended(differences, share, votes, pull, w, step, slope)
    return w / w.sum()


def _descended(
    differences: Floats, share: Floats, votes: Floats, pull: Floats, w: Floats, step: Floats, slope: float
) -> Floats:
    """As far along a step as the loss goes down enough (Armijo), and no weight becomes 0."""
    falling = step < 0
    size = min(1.0, 0.99 * float((w[falling] / -step[falling]).min(initial=np.inf)))
    before = _loss(differences, share, votes, pull, w)
    for _ in range(_HALVINGS):
        if _loss(differences, share, votes, pull, w + size * step) <= before + 1e-4 * size * slope:
            return w + size * step
        size /= 2
    return w


def _loss(differences: Floats, share: Floats, votes: Floats, pull: Floats, w: Floats) -> float:
    x = differences @ w
    return float((votes * (np.logaddexp(0, x) - share * x)).sum() - (pull * np.log(w)).sum())


def _inside(mean: Floats) -> Floats:
    kept = np.maximum(mean, _LEAST)
    return kept / kept.sum()
