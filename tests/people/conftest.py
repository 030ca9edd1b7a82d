"""People who vote on made-up states by tastes that are known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from polypref.people import Votes, votes_of

Floats = npt.NDArray[np.float64]


class World(NamedTuple):
    """Votes, and what is behind them."""

    votes: Votes
    camp: npt.NDArray[np.int64]  # [people]
    tastes: Floats  # [people, f]
    truth: Floats  # [n], the probability of each vote for `first`


def camps(people: int, votes: int, *, camps: int = 3, f: int = 6, seed: int = 0, world: int = 0) -> World:
    """People of some camps, each with one taste; `world` draws the states and the tastes, `seed` everything else."""
    fixed, rng = np.random.default_rng([world, 1]), np.random.default_rng([seed, 2])
    states, tastes = fixed.normal(size=(400, f)), 1.2 * fixed.normal(size=(camps, f))
    camp = rng.integers(camps, size=people)
    return _voted(states, tastes[camp], camp, votes, rng)


def spread(people: int, votes: int, *, f: int = 6, seed: int = 0, world: int = 0) -> World:
    """People who differ along two directions, by degrees."""
    fixed, rng = np.random.default_rng([world, 3]), np.random.default_rng([seed, 4])
    states, crowd, directions = fixed.normal(size=(400, f)), fixed.normal(size=f) / 2, fixed.normal(size=(f, 2))
    tastes = crowd + rng.normal(size=(people, 2)) @ directions.T
    return _voted(states, tastes, np.zeros(people, np.int64), votes, rng)


def _voted(states: Floats, tastes: Floats, camp: npt.NDArray[np.int64], votes: int, rng: np.random.Generator) -> World:
    person = np.repeat(np.arange(len(tastes)), votes)
    first = rng.integers(len(states), size=len(person))
    second = (first + 1 + rng.integers(len(states) - 1, size=len(person))) % len(states)
    truth = expit(((states[first] - states[second]) * tastes[person]).sum(axis=1))
    share = (rng.random(len(person)) < truth).astype(float)
    return World(votes_of(states, first, second, person, share=share), camp, tastes, truth)


def log_loss(truth: Floats, said: Floats) -> float:
    """The expected log-loss of probabilities under the true ones."""
    return float(-(truth * np.log(said) + (1 - truth) * np.log1p(-said)).mean())
