"""How many votes a model's opinion is worth, learned from the votes that it did not see."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from polypref.errors import DataError

Floats = npt.NDArray[np.float64]

_LEAST, _MOST = 1e-3, 1e4  # votes
_DOUBT = 1e-6  # mixed into a model's opinion: a label that it holds impossible may be voted for all the same


def held_out(strength: float, opinions: npt.ArrayLike, counts: npt.ArrayLike) -> float:
    """The log-likelihood of each vote given all others of its item and the model, summed.

    With the prior s·q, a vote for label a is foretold by (s·q_a + n_a − 1) / (s + n − 1): `opinions` q and `counts` n
    are `[N, d]`, one row for each response (or two labels for each pair).
    """
    q, n = _checked(opinions, counts)
    total = n.sum(axis=1, keepdims=True)
    voted = n > 0
    left = np.maximum(n - 1, 0.0)
    foretold = (strength * q + left) / (strength + np.maximum(total - 1, 0.0))
    return float((n[voted] * np.log(foretold[voted])).sum())


def learned_strength(opinions: npt.ArrayLike, counts: npt.ArrayLike) -> float:
    """The strength s under which held-out votes are most likely, between a thousandth of a vote and ten thousand."""
    q, n = _checked(opinions, counts)
    if not n.sum():
        raise DataError("expected votes, got none: the weight of a model is learned from people")
    bounds = np.log(_LEAST), np.log(_MOST)
    found = minimize_scalar(lambda s: -held_out(float(np.exp(s)), q, n), bounds=bounds, method="bounded")
    return float(np.exp(found.x))


def _checked(opinions: npt.ArrayLike, counts: npt.ArrayLike) -> tuple[Floats, Floats]:
    q, n = np.asarray(opinions, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    if q.ndim != 2 or q.shape != n.shape:
        raise DataError(f"opinions of shape {q.shape} and counts of shape {n.shape}, expected the same [N, d]")
    return (1 - _DOUBT) * q + _DOUBT / q.shape[1], n
