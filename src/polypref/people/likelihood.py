"""The logistic likelihood of votes with ties, and sums of it by person."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from polypref.people.votes import Votes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def log_likelihood(score: Floats, share: Floats) -> Floats:
    """p·log σ(s) + (1 − p)·log σ(−s) of scores and shares of one shape; a tie is half a vote each way."""
    return share * score - np.logaddexp(0.0, score)


def by_person(votes: Votes, values: npt.NDArray[Any]) -> Floats:
    """Sums of [n, …] values over each person's votes [people, …], 0 for somebody without any."""
    starts = votes.starts
    total = np.zeros((votes.people, *values.shape[1:]))
    voted = np.flatnonzero(np.diff(starts))
    if len(voted):
        total[voted] = np.add.reduceat(values, starts[voted], axis=0)
    return total


def one_taste(
    votes: Votes, weight: Floats, ridge: float, centre: Floats, start: Floats | None = None, steps: int = 100
) -> Floats:
    """The θ [f] that maximises Σ w·log-likelihood − ridge/2·‖θ − centre‖², by Newton's method with shortened steps.

    With few `steps` from a start, at least no worse than there.
    """
    theta = centre.copy() if start is None else start.copy()

    def value(at: Floats) -> float:
        said = log_likelihood(votes.projected(at[:, None])[:, 0], votes.share)
        return float(weight @ said) - ridge / 2 * float(((at - centre) ** 2).sum())

    now = value(theta)
    for _ in range(steps):
        gradient, hessian = -ridge * (theta - centre), ridge * np.eye(len(theta))
        score = votes.projected(theta[:, None])[:, 0]
        p = expit(score)
        for rows in votes.chunks():
            d = votes.difference(rows)
            gradient += d.T @ (weight * (votes.share - p))[rows]
            hessian += (d * (weight * p * (1 - p))[rows, None]).T @ d
        step = np.linalg.solve(hessian, gradient)
        if float(step @ gradient) <= 1e-9 * max(1.0, float(weight.sum())):
            break
        size = 1.0
        while (then := value(theta + size * step)) < now and size > 1e-6:
            size /= 2
        theta, now = theta + size * step, then
    return theta
