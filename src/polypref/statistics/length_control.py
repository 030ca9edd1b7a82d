"""Win rates as they would be if both sides wrote equally long answers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from polypref.statistics.resampling import Bootstrap, Estimate

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_PRIOR = 1e-3  # of a squared coefficient, per observation: keeps what separates wins perfectly finite


def length_controlled(wins: Floats, lengths: Floats, others: Floats, prompt: Ints, resamples: int = 200) -> Estimate:
    """The share of wins (each from 0 to 1) at equal lengths, with an interval over prompts; arguments are `[N]`.

    AlpacaEval's regression (arXiv 2404.04475) without its difficulty of prompts, which is estimated from the answers of
    many models: P(win) = σ(θ + φ·tanh(Δ/sd Δ)) with Δ the difference of lengths; what is told is σ(θ).
    """
    difference = lengths - others
    spread = difference.std()
    feature = np.tanh(difference / spread) if spread > 0 else np.zeros(len(wins))
    value, start = _fitted(wins, feature, np.ones(len(wins)), np.zeros(2))
    bootstrap = Bootstrap(prompt, resamples=resamples)
    if bootstrap.units < 2:
        return Estimate(value)
    samples = [
        _fitted(wins, feature, times[bootstrap.unit], start)[0]
        for block in bootstrap.multiplicities()
        for times in block
    ]
    return bootstrap.estimate(value, np.array(samples))


def _fitted(wins: Floats, feature: Floats, weights: Floats, start: Floats) -> tuple[float, Floats]:
    """σ(θ) and (θ, φ) of the most likely regression."""
    total = weights.sum()

    def loss(coefficients: Floats) -> tuple[float, Floats]:
        logits = coefficients[0] + coefficients[1] * feature
        errors = weights * (expit(logits) - wins)
        value = weights @ (np.logaddexp(0, logits) - wins * logits) / total + _PRIOR * coefficients @ coefficients / 2
        return float(value), np.array([errors.sum(), errors @ feature]) / total + _PRIOR * coefficients

    found = minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-8}).x
    return float(expit(found[0])), found
