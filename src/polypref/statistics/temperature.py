"""One number that makes log-odds mean what they say, fitted to votes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import expit

Floats = npt.NDArray[np.float64]

_PRIOR = 1.0  # votes' worth of leaving log-odds as they are
_STEPS = 100
_CLOSE = 1e-10


def fit_temperature(log_odds: npt.ArrayLike, share: npt.ArrayLike, votes: npt.ArrayLike) -> float:
    """T > 0 for which votes `[n]`, of which `share` go to the first of a pair, are likeliest under σ(log-odds/T).

    With b = 1/T it is the minimum of Σ w·H(p, σ(b·x)) + b − log b, which is convex, by Newton's method on log b: the
    last two terms keep T finite and positive where all votes agree with the model, or most do not.
    Reference: Guo, Pleiss, Sun and Weinberger 2017, ICML.
    """
    x, p, w = (np.asarray(values, dtype=np.float64) for values in (log_odds, share, votes))

    def loss(z: float) -> float:
        y = np.exp(z) * x
        return float((w * (np.logaddexp(0, y) - p * y)).sum() + _PRIOR * (np.exp(z) - z))

    z = 0.0  # log b
    for _ in range(_STEPS):
        b = np.exp(z)
        q = expit(b * x)
        slope = float((w * (q - p) * x).sum() + _PRIOR) * b - _PRIOR
        bend = float((w * q * (1 - q) * x**2).sum() * b**2)
        step = -slope / (bend + abs(slope) + _PRIOR * b)  # as in b, where convex; never more than 1 in log b
        while loss(z + step) > loss(z) and abs(step) > _CLOSE:
            step /= 2
        z += step
        if abs(step) < _CLOSE:
            break
    return float(np.exp(-z))
