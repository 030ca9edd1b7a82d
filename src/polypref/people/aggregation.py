"""One answer for people who differ: mean to worst-off, pooled opinions, truthful payments, least regret."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp, rel_entr, softmax

from polypref.errors import DataError

Floats = npt.NDArray[np.float64]
Distance = Literal["mean", "geometric"]
TOLERANCE = 1e-6  # of probabilities that should add up to 1


def aggregate(utilities: npt.ArrayLike, alpha: float = 0.0) -> Floats:
    """Agg_α of utilities [persons, K] in [K]: (1/α)·log mean_u e^{α r_u}.

    α = 0 is the mean, α → −∞ the worst-off person, α → ∞ the best-off one; both infinities may be given.
    """
    r = np.asarray(utilities, dtype=np.float64)
    if r.ndim != 2 or not len(r) or not np.isfinite(r).all():
        raise DataError(f"expected finite utilities [persons, K], got the shape {r.shape}")
    if np.isnan(alpha):
        raise DataError("expected an alpha from −∞ to ∞, got NaN")
    if alpha == 0:
        return r.mean(axis=0)
    if np.isinf(alpha):
        return r.max(axis=0) if alpha > 0 else r.min(axis=0)
    mean = r.mean(axis=0)
    x = alpha * (r - mean)  # centred, so that a small α keeps its digits
    if np.abs(x).max() < 1:
        return mean + np.log1p(np.expm1(x).mean(axis=0)) / alpha
    return mean + (logsumexp(x, axis=0) - np.log(len(r))) / alpha


def pool_opinions(opinions: npt.ArrayLike, power: float = 1.0) -> Floats:
    """The normalised power mean of opinions [persons, d] in [d]: 1 arithmetic, 0 geometric, −1 harmonic, −∞ least."""
    P = _opinions(opinions)
    with np.errstate(divide="ignore"):
        pooled = aggregate_log(np.log(P), power)
    if not np.isfinite(pooled).any():
        raise DataError("these people share no label that all of them think possible: pool with a power above 0")
    return softmax(pooled)


def aggregate_log(logs: Floats, power: float) -> Floats:
    """The logarithm of the power mean over persons of numbers given by their logarithms [persons, d]."""
    if power == 0:
        return logs.mean(axis=0)
    if np.isinf(power):
        return logs.max(axis=0) if power > 0 else logs.min(axis=0)
    return (logsumexp(power * logs, axis=0) - np.log(len(logs))) / power


def median(values: npt.ArrayLike) -> Floats:
    """The median over persons of each coordinate, [persons, d] → [d]: fewer than half of them cannot move it far."""
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2 or not len(x) or not np.isfinite(x).all():
        raise DataError(f"expected finite values [persons, d], got the shape {x.shape}")
    return np.median(x, axis=0)


def truthful_opinion(opinions: npt.ArrayLike, distance: Distance = "mean") -> Floats:
    """argmin_P Σ_u d(P_u, P) [d]: KL(P_u‖P) has the arithmetic mean (`mean`), KL(P‖P_u) the geometric (`geometric`)."""
    P = _opinions(opinions)
    if distance == "mean":
        return P.mean(axis=0)
    if distance != "geometric":
        raise DataError(f"unknown distance {distance!r}; known are mean, geometric")
    return pool_opinions(P, 0.0)


def clarke_payments(opinions: npt.ArrayLike, distance: Distance = "mean") -> Floats:
    """What each person pays for having been heard [persons]: how much worse off the others are for it, at least 0.

    Person u pays Σ_{v≠u} d(P_v, P*) − min_P Σ_{v≠u} d(P_v, P), with d and P* of `truthful_opinion`. Whoever minds
    d(own opinion, P*) plus the payment does best with the truth, whatever the others say (Clarke 1971).
    """
    P = _opinions(opinions)
    chosen = truthful_opinion(P, distance)
    distances = _distances(P, chosen, distance)
    payments = np.zeros(len(P))
    for u in range(len(P)):
        others = np.delete(P, u, axis=0)
        if len(others):
            without = _distances(others, truthful_opinion(others, distance), distance).sum()
            payments[u] = np.delete(distances, u).sum() - without
    return np.maximum(payments, 0.0)


def regrets(utilities: npt.ArrayLike) -> Floats:
    """How much each cluster loses by each response against its favourite: [clusters, K] → [clusters, K]."""
    r = np.asarray(utilities, dtype=np.float64)
    return r.max(axis=1, keepdims=True) - r


def _distances(P: Floats, chosen: Floats, distance: Distance) -> Floats:
    return rel_entr(P, chosen).sum(axis=1) if distance == "mean" else rel_entr(chosen, P).sum(axis=1)


def _opinions(opinions: npt.ArrayLike) -> Floats:
    P = np.asarray(opinions, dtype=np.float64)
    if P.ndim != 2 or 0 in P.shape:
        raise DataError(f"expected opinions [persons, labels], got the shape {P.shape}")
    bad = ~((P >= 0).all(axis=1) & (np.abs(P.sum(axis=1) - 1) <= TOLERANCE))
    if bad.any():
        u = int(np.argmax(bad))
        raise DataError(f"expected probabilities that add up to 1, got {P[u].tolist()} of person {u}")
    return P / P.sum(axis=1, keepdims=True)
