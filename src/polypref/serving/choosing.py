"""Which item a person is asked about next."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Candidate:
    """An item that a person may be asked about, and what is known of it."""

    item: str
    preferences: npt.NDArray[np.float64]  # [K, K], the posterior mean of P(i ≻ j)
    weight: npt.NDArray[np.float64]  # [K, K], votes (a model's among them) behind it


@dataclass(frozen=True)
class Choice:
    """A pair of an item."""

    item: str
    i: int
    j: int


class Chooser(Protocol):
    """Chooses the next pair for a person; None where there is nothing left to ask."""

    def __call__(self, candidates: Iterable[Candidate], done: Collection[tuple[str, int, int]]) -> Choice | None:
        """`done` are the pairs that the person has been asked about, i < j."""
        ...


def most_uncertain(candidates: Iterable[Candidate], done: Collection[tuple[str, int, int]]) -> Choice | None:
    """The pair whose share of the crowd is known worst: of the largest variance p(1 − p)/(n + 1) of its posterior."""
    best: tuple[float, Choice] | None = None
    for one in candidates:
        variance = one.preferences * (1 - one.preferences) / (one.weight + 1)
        for i, j in zip(*np.triu_indices(len(variance), 1)):
            choice = Choice(one.item, int(i), int(j))
            if (one.item, choice.i, choice.j) not in done and (best is None or variance[i, j] > best[0]):
                best = float(variance[i, j]), choice
    return None if best is None else best[1]
