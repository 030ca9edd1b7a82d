"""The logistic likelihood of votes with ties, and sums of it by person."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from polypref.choice.linear_utility import fit_linear_utility
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
    """The θ [f] that maximises Σ w·log-likelihood − ridge/2·‖θ − centre‖²; few `steps` from a start only gain."""
    found = fit_linear_utility(
        _Differences(votes), votes.share, weight, ridge=ridge, centre=centre, start=start, steps=steps
    )
    return found.weights


class _Differences:
    """Of the votes, made a slice at a time: all of them would be many times what the votes take."""

    def __init__(self, votes: Votes) -> None:
        self.shape = (len(votes), votes.states.shape[1])
        self._votes = votes

    def __getitem__(self, rows: slice) -> Floats:
        return self._votes.difference(rows)
