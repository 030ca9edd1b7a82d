"""Policies over a finite set of responses, with every method run exactly: no sampling, no gradient noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

from polypref.alignment.methods import Method, MethodError, View, make_method
from polypref.alignment.methods.base import Floats
from polypref.alignment.regression import normalised
from polypref.choice import duality_gap, equilibrium
from polypref.choice.games import check_game

_MEMORY = 16  # past policies that are remembered


@dataclass(frozen=True, eq=False)
class TableRun:
    """A method on a table, step by step."""

    method: Method
    policy: Floats  # [K] the last iterate
    average: Floats  # [K] of all iterates, the first not counted
    gaps: Floats  # [steps] the duality gap of each iterate in the game of the method; NaN where it plays none
    equilibrium: Optional[Floats]  # [K] of that game; None where it plays none
    path: Floats  # [steps + 1, K] all iterates, the first included

    @property
    def distance(self) -> float:
        """Total variation between the last iterate and the equilibrium."""
        return float("nan") if self.equilibrium is None else float(np.abs(self.policy - self.equilibrium).sum() / 2)

    @property
    def average_distance(self) -> float:
        """Total variation between the average iterate and the equilibrium."""
        return float("nan") if self.equilibrium is None else float(np.abs(self.average - self.equilibrium).sum() / 2)


def solve_table(
    method: str | Method,
    scores: npt.ArrayLike,
    *,
    reference: npt.ArrayLike | None = None,
    steps: int = 200,
    start: npt.ArrayLike | None = None,
    rewards: npt.ArrayLike | None = None,
    lengths: npt.ArrayLike | None = None,
    **settings: Any,
) -> TableRun:
    """Run a method exactly on log-odds `scores` `[K, K]`, from the reference `[K]` (even unless given) or `start`.

    `settings` are those of the method, such as `beta`; `rewards` `[M, K]` those of several reward models, for
    `distillation`. Every step minimises the method's regression over all policies, all responses weighing as the last
    policy has them, or as the reference has them where a method is offline.
    """
    made = make_method(method, **settings) if isinstance(method, str) else method
    S = check_game(scores)
    k = len(S)
    anchor = np.full(k, 1 / k) if reference is None else np.asarray(reference, dtype=np.float64)
    if anchor.shape != (k,) or not (anchor > 0).all() or abs(anchor.sum() - 1) > 1e-6:
        raise MethodError(f"the reference of {k} responses must be {k} probabilities above 0 that add up to 1")
    if steps < 1:
        raise MethodError(f"steps is {steps}; expected at least 1")
    table = _Table(made, S, np.log(anchor / anchor.sum()), _optional(rewards), _optional(lengths))
    if start is not None:
        table.begin(np.asarray(start, dtype=np.float64))
    path = [table.policy]
    for step in range(1, steps + 1):
        table.advance(step)
        path.append(table.policy)
    game, solution = _solution(made, S, anchor / anchor.sum())
    beta = made.strength
    settings_of_gap: dict[str, Any] = {"reference": anchor, "beta": beta} if beta else {}
    gaps = [np.nan if game is None else duality_gap(game, p, **settings_of_gap) for p in path[1:]]
    return TableRun(made, path[-1], np.mean(path[1:], axis=0), np.array(gaps), solution, np.array(path))


def _solution(method: Method, scores: Floats, reference: Floats) -> tuple[Floats | None, Floats | None]:
    """The game of a method and its equilibrium, by solvers that no method uses."""
    if method.game is None:
        return None, None
    game = scores if method.game == "log-odds" else np.tanh(scores / 2) / 2  # P − ½
    if method.strength:
        return game, equilibrium(game, reference=reference, beta=method.strength)
    return game, equilibrium(game)


class _Table:
    """A policy as log-ratios to a reference, and what methods want to know of it."""

    def __init__(
        self, method: Method, scores: Floats, reference: Floats, rewards: Floats | None, lengths: Floats | None
    ) -> None:
        self.method = method
        self.scores = scores
        self.reference = reference  # log-probabilities
        self.rewards, self.lengths = rewards, lengths
        self.ratios = np.zeros(len(scores))
        self.history: list[Floats] = []

    def begin(self, policy: Floats) -> None:
        """Start from another policy than the reference."""
        self.ratios = normalised(np.log(policy) - self.reference, self.reference)

    @property
    def policy(self) -> Floats:
        probabilities: Floats = np.exp(self.reference + self.ratios)
        return probabilities

    def advance(self, step: int) -> None:
        """One iteration; of an offline method, the first finds all there is."""
        if self.method.offline and step > 1:
            return
        last, rate = self.ratios, self.method.rate(step)
        towards = self._minimum(last, step)
        if self.method.extragradient:
            towards = self._minimum(normalised(last + rate * (towards - last), self.reference), step)
        self.history = [last, *self.history][:_MEMORY]
        self.ratios = normalised(last + rate * (towards - last), self.reference)
        if self.method.moves_reference(step):
            self.reference = self.reference + self.ratios
            moved = self.ratios
            self.history = [past - moved for past in self.history]
            self.ratios = np.zeros(len(moved))

    def _minimum(self, current: Floats, step: int) -> Floats:
        """Of the regression whose aim is asked for while the policy stands at `current`."""
        policy = np.exp(self.reference + self.ratios)
        weights = policy / policy.sum()
        view = View(
            scores=self.scores,
            previous=self.ratios,
            weights=np.exp(self.reference) if self.method.offline else weights,
            opponents=np.broadcast_to(weights, self.scores.shape),
            current=current,
            history=tuple(self.history),
            step=step,
            rewards=self.rewards,
            lengths=self.lengths,
        )
        return self.method.minimum(self.method.aim(view), self.reference)


def _optional(values: npt.ArrayLike | None) -> Floats | None:
    return None if values is None else np.asarray(values, dtype=np.float64)
