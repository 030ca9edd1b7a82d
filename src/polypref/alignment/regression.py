"""The minima of the regression that methods share, on a table: log-ratios of policies that sum to 1."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares
from scipy.special import log_softmax, logsumexp, wrightomega

Floats = npt.NDArray[np.float64]

_CLOSE, _STEPS = 1e-15, 100


def normalised(log_ratios: Floats, reference: Floats) -> Floats:
    """Log-ratios `[K]` to the policy of log-probabilities `reference`, shifted so that probabilities sum to 1."""
    return log_ratios - logsumexp(log_ratios + reference)


def nearest_normalised(targets: Floats, weights: Floats, reference: Floats) -> Floats:
    """argmin Σ w_i (x_i − targets_i)² over log-ratios x with Σ exp(x_i + reference_i) = 1, `[K]`.

    At the minimum x_i + λ·(π_ref,i/w_i)·e^{x_i} = targets_i for one λ. Targets that sum to more than 1, as those of
    self-play do, need λ > 0: x_i = targets_i − ω(targets_i + log λ + log π_ref,i − log w_i) with Wright's ω, and the
    sum falls with λ, which Newton's method finds. Others are left to a general solver of least squares.
    """
    excess = float(logsumexp(targets + reference))
    if abs(excess) < _CLOSE:
        return targets
    if excess < 0:
        return _by_least_squares(targets, weights, reference)
    offset = targets + reference - np.log(weights)
    multiplier = np.log(excess) - float(logsumexp(offset + normalised(targets, reference) + reference))  # log λ
    x = targets
    for _ in range(_STEPS):
        pull = wrightomega(offset + multiplier).real
        x = targets - pull
        excess = float(logsumexp(x + reference))
        if abs(excess) < _CLOSE:
            break
        slope = float(np.exp(x + reference - excess) @ (pull / (1 + pull)))
        multiplier += np.clip(excess / slope, -2.0, 2.0)
    return normalised(x, reference)


def _by_least_squares(targets: Floats, weights: Floats, reference: Floats) -> Floats:
    def missed(logits: Floats) -> Floats:
        return np.sqrt(weights) * (log_softmax(logits) - reference - targets)

    best = least_squares(missed, reference + targets, xtol=1e-15, ftol=1e-15, gtol=1e-15)
    return np.asarray(log_softmax(best.x) - reference)
