"""Utilities that are linear in features of responses, from shares of votes on pairs: Bradley–Terry with a ridge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from polypref.errors import PolyprefError

Floats = NDArray[np.float64]
_CHUNK = 65_536  # pairs whose products are held at a time
_SHORTEST = 1e-8  # of a Newton step
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


class Differences(Protocol):
    """f(y_i) − f(y_j) [m, d] of m pairs: an array, or what makes the rows of a slice when they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, rows: slice, /) -> NDArray[np.floating]: ...


def fit_linear_utility(
    differences: Differences,
    shares: ArrayLike,
    votes: ArrayLike | None = None,
    *,
    ridge: float = 1.0,
    centre: Floats | None = None,
    start: Floats | None = None,
    steps: int = 50,
) -> LinearUtility:
    """The most likely weights under a normal prior of precision `ridge` around `centre`, by Newton steps.

    `differences` [m, d] are f(y_i) − f(y_j), `shares` [m] of `votes` [m] preferred y_i. No pairs at all give the prior.
    With few `steps` from a `start`, the weights are at least as likely as there.
    """
    pairs, d = differences.shape
    share = np.asarray(shares, dtype=np.float64)
    count = np.ones(len(share)) if votes is None else np.asarray(votes, dtype=np.float64)
    if not ridge > 0:
        raise PolyprefError(f"ridge is {ridge}; expected a number above 0")
    if len(share) != pairs or len(count) != pairs:
        raise PolyprefError(f"{pairs} differences with {len(share)} shares and {len(count)} counts of votes")
    middle = np.zeros(d) if centre is None else centre
    w = middle if start is None else start
    value, gradient, precision = _look(differences, share, count, ridge, w, middle)
    for _ in range(steps):
        step = np.linalg.solve(precision, gradient)
        promised = float(gradient @ step)
        if promised <= _CLOSE * max(count.sum(), 1.0):
            break
        size = 1.0
        found = _look(differences, share, count, ridge, w + step, middle)
        while found[0] < value + 1e-4 * size * promised and size > _SHORTEST:
            size /= 2
            found = _look(differences, share, count, ridge, w + size * step, middle)
        if found[0] <= value:  # nothing is left to gain but rounding
            break
        w, (value, gradient, precision) = w + size * step, found
    return LinearUtility(w, precision)


def likeliest_ridge(
    differences: NDArray[np.floating],
    shares: ArrayLike,
    votes: ArrayLike,
    among: Sequence[float] = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0),
) -> float:
    """The ridge under which the votes are most probable, the weights integrated out by Laplace's approximation.

    Where there are no votes, or they say nothing, it is 1 if that is among them.
    """
    share, count = np.asarray(shares, dtype=np.float64), np.asarray(votes, dtype=np.float64)

    def evidence(ridge: float) -> float:
        fitted = fit_linear_utility(differences, share, count, ridge=ridge)
        value = _look(differences, share, count, ridge, fitted.weights, np.zeros_like(fitted.weights))[0]
        return value + 0.5 * (len(fitted.weights) * np.log(ridge) - float(np.linalg.slogdet(fitted.precision)[1]))

    return max(sorted(among, key=lambda ridge: abs(np.log(ridge))), key=evidence) if len(share) else 1.0


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
    differences: Differences, share: Floats, votes: Floats, ridge: float, w: Floats, centre: Floats
) -> tuple[float, Floats, Floats]:
    """Log posterior, its gradient, and its negative second derivative."""
    away = w - centre
    value, gradient = -0.5 * ridge * float(away @ away), -ridge * away
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
