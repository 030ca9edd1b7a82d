"""The game that policies play against each other: who wins how often, and the mixture that none of them beats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from polypref.choice.games import duality_gap, equilibrium
from polypref.errors import DataError
from polypref.evaluation.policies import Judgment, judged
from polypref.groups.json_text import plain_fields
from polypref.groups.model import Group
from polypref.models.preference_model import PreferenceModel
from polypref.statistics.resampling import Bootstrap, Estimate, Terms

Floats = npt.NDArray[np.float64]

_SOLVED = 200  # resamples whose equilibrium is computed


@dataclass(frozen=True, slots=True)
class PolicyGame:
    """Policies against each other on the same prompts; intervals are over prompts."""

    policies: tuple[str, ...]
    win_rates: tuple[tuple[Estimate, ...], ...]  # of the row against the column; ½ on the diagonal, P + Pᵀ = 1
    equilibrium: tuple[Estimate, ...]  # share of each policy in the mixture that no policy beats on average
    gaps: tuple[Estimate, ...]  # duality gap of each among the pooled samples, as `sample_gaps` has it
    prompts: int

    def to_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return plain_fields(self)

    def rates(self) -> Floats:
        """The win rates without their intervals, `[M, M]`."""
        return np.array([[rate.value for rate in row] for row in self.win_rates])


def tournament(judge: PreferenceModel, policies: Mapping[str, Sequence[Group]], resamples: int = 1000) -> PolicyGame:
    """All policies against each other, by the samples of each for the same prompts.

    The samples of one prompt are judged in one encoding, so the cost grows with the number of policies, not of pairs.
    Prompts that not all of them answered are left out.
    """
    if len(policies) < 2:
        raise DataError(f"{len(policies)} policies make no game: give at least two")
    found = [(_mean_rates(one), sample_gaps(one)) for one in judged(judge, list(policies.values()))]
    rates, gaps = (np.stack(parts) for parts in zip(*found))  # [N, M, M] and [N, M]
    bootstrap = Bootstrap(np.arange(len(rates)), resamples=resamples)
    return PolicyGame(
        tuple(policies), _win_rates(rates, bootstrap), _equilibrium(rates), _means(gaps, bootstrap), len(rates)
    )


def sample_gaps(judgment: Judgment) -> Floats:
    """The duality gap of each policy among all pooled samples of one prompt, `[M]`, in the game P − ½.

    A policy stands for its samples, each as likely as the other. Half of its gap is how far beyond ½ the best answer to
    it wins among the samples of all policies; 0 says that no sample beats it.
    """
    game = judgment.preferences - 0.5
    gaps = []
    for policy in range(len(judgment.samples)):
        shares = np.zeros(len(game))
        shares[judgment.part(policy)] = 1 / len(judgment.samples[policy])
        gaps.append(duality_gap(game, shares))
    return np.array(gaps)


def read_game(path: Path) -> PolicyGame:
    """What was written of a game as JSON."""
    try:
        return TypeAdapter(PolicyGame).validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(f"holds no game between policies ({str(error).splitlines()[0]})", file=path) from None


def _mean_rates(judgment: Judgment) -> Floats:
    policies = len(judgment.samples)
    rates = np.full((policies, policies), 0.5)
    for i, j in combinations(range(policies), 2):
        rates[i, j] = judgment.between(i, j).mean()
        rates[j, i] = 1 - rates[i, j]
    return rates


def _win_rates(rates: Floats, bootstrap: Bootstrap) -> tuple[tuple[Estimate, ...], ...]:
    policies = rates.shape[1]
    table = [[Estimate(0.5, 0.5, 0.5)] * policies for _ in range(policies)]
    pairs = list(combinations(range(policies), 2))
    for (i, j), rate in zip(pairs, _means(np.stack([rates[:, i, j] for i, j in pairs], axis=1), bootstrap)):
        table[i][j] = rate
        table[j][i] = Estimate(1 - rate.value, _mirrored(rate.high), _mirrored(rate.low))
    return tuple(map(tuple, table))


def _mirrored(share: float | None) -> float | None:
    return None if share is None else 1 - share


def _means(values: Floats, bootstrap: Bootstrap) -> tuple[Estimate, ...]:
    """The mean over prompts of each column of `[N, m]`."""
    ones = np.ones(len(values))
    found = bootstrap.estimates({str(at): Terms(column, ones) for at, column in enumerate(values.T)})
    return tuple(estimate for estimate in found.values() if estimate is not None)


def _equilibrium(rates: Floats) -> tuple[Estimate, ...]:
    """Of the mean game, with how far it moves when prompts are drawn anew."""
    prompts, policies, _ = rates.shape
    shares = equilibrium(rates.mean(axis=0) - 0.5)
    bootstrap = Bootstrap(np.arange(prompts), resamples=_SOLVED)
    if bootstrap.units < 2:
        return tuple(map(Estimate, shares.tolist()))
    totals = np.stack([bootstrap.total(rates[:, i, j]) for i in range(policies) for j in range(policies)], axis=1)
    games = bootstrap.sums(totals).reshape(-1, policies, policies) / prompts - 0.5
    drawn = np.stack([equilibrium((game - game.T) / 2) for game in games])  # [R, M]
    return tuple(bootstrap.estimate(float(share), drawn[:, at]) for at, share in enumerate(shares))
