"""Utilities that are linear in features of responses, from shares of votes on pairs: Bradley–Terry with a ridge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from polypref.errors import PolyprefError

Floats = NDArray[np.float64]
_CHUNK = 65_536  # pairs whose products are held at a time
_STEPS = 50
_CLOSE = 1e-14  # of the gain that a step promises, in nats per judgment


@dataclass(frozen=True, eq=False)
class LinearUtility:
    """u(y) = ⟨w, f(y)⟩, with what is not known about w."""

    weights: Floats  # [d]
    precision: Floats  # [d, d], the information of the votes and the ridge at `weights`

    def utilities(self, features: ArrayLike) -> Floats:
        """Of responses with features [..., d]."""
        return np.asarray(features, dtype=np.float64) @ self.weights

    def draws(self, count: int, seed: int) -> Floats:
        """Weights [count, d] from the normal approximation of the posterior."""
        noise = np.random.default_rng(seed).normal(size=(count, len(self.weights)))
        root = np.linalg.cholesky(self.precision)  # LLᵀ: L⁻ᵀ noise has the inverse as covariance
        return self.weights + np.linalg.solve(root.T, noise.T).T


def fit_linear_utility(
    differences: NDArray[np.floating], shares: ArrayLike, votes: ArrayLike | None = None, *, ridge: float = 1.0
) -> LinearUtility:
    """The most likely weights under a normal prior of precision `ridge`, by Newton steps.

    `differences` [m, d] are f(y_i) − f(y_j), `shares` [m] of `votes` [m] preferred y_i. No pairs at all give the prior.
    """
    d = differences.shape[1]
    share = np.asarray(shares, dtype=np.float64)
    count = np.ones(len(share)) if votes is None else np.asarray(votes, dtype=np.float64)
    if not ridge > 0:
        raise PolyprefError(f"ridge is {ridge}; expected a number above 0")
    if len(share) != len(differences) or len(count) != len(differences):
        raise PolyprefError(f"{len(differences)} differences with {len(share)} shares and {len(count)} counts of votes")
    w = np.zeros(d)
    value, gradient, precision = _look(differences, share, count, ridge, w)
    for _ in range(_STEPS):
        step = np.linalg.solve(precision, gradient)
        promised = float(gradient @ step)
        if promised <= _CLOSE * max(count.sum(), 1.0):
            break
        size = 1.0
        while True:
            found = _look(differences, share, count, ridge, w + size * step)
            if found[0] >= value + 1e-4 * size * promised or size < 1e-8:
                break
            size /= 2
        w, (value, gradient, precision) = w + size * step, found
    return LinearUtility(w, precision)


def resampled_weights(
    fitted: LinearUtility,
    differences: NDArray[np.floating],
    shares: ArrayLike,
    votes: ArrayLike,
    drawn: NDArray[np.integer],
) -> Floats:
    """Weights [M, d] if each judgment had been drawn `drawn` [M, m] times: one Newton step from what was fitted to all.

    At the fit the gradient of the posterior is 0, so that only what is drawn more or less often than once moves it.
    """
    missed = np.asarray(votes, dtype=np.float64) * (np.asarray(shares) - expit(differences @ fitted.weights))  # [m]
    gradients = ((drawn - 1) * missed) @ differences.astype(np.float64)  # [M, d]
    moved: Floats = fitted.weights + np.linalg.solve(fitted.precision, gradients.T).T
    return moved


def draw_clusters(cluster: ArrayLike, count: int, seed: int) -> NDArray[np.intp]:
    """How often each of m items is drawn [count, m], where whole clusters are drawn with replacement."""
    names, code = np.unique(np.asarray(cluster), return_inverse=True)
    if not len(names):
        return np.zeros((count, 0), dtype=np.intp)
    drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=count)
    return drawn[:, code].astype(np.intp)


def _look(
    differences: NDArray[np.floating], share: Floats, votes: Floats, ridge: float, w: Floats
) -> tuple[float, Floats, Floats]:
    """Log posterior, its gradient, and its negative second derivative."""
    value, gradient = -0.5 * ridge * float(w @ w), -ridge * w
    precision = ridge * np.eye(len(w))
    for start in range(0, len(share), _CHUNK):
        part = slice(start, start + _CHUNK)
        d = differences[part].astype(np.float64)
        margin = d @ w
        p = expit(margin)
        value += float(votes[part] @ (share[part] * margin - np.logaddexp(0, margin)))
        gradient = gradient + d.T @ (votes[part] * (share[part] - p))
        precision += (d * (votes[part] * p * (1 - p))[:, None]).T @ d
    return value, gradient, precision
