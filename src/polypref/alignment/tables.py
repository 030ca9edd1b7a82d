"""Policies that are a table over K responses: every method run exactly, with full expectations and exact fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from polypref.alignment.methods import Look, Method, make_method
from polypref.choice import check_game, duality_gaps
from polypref.errors import DataError


@dataclass(frozen=True, slots=True, eq=False)
class TableRun:
    """Where a method led; leading dimensions as in the scores."""

    policy: NDArray[np.float64]  # [..., K], after the last step
    average: NDArray[np.float64]  # [..., K], mean of the policies after each step
    gaps: NDArray[np.float64]  # [steps, ...], duality gap after each step, in the method's game
    policies: NDArray[np.float64]  # [steps, ..., K]


def solve_table(
    method: str | Method,
    *,
    scores: ArrayLike,
    reference: ArrayLike | None = None,
    beta: float | None = None,
    steps: int = 1000,
    lengths: ArrayLike | None = None,
    rewards: ArrayLike | None = None,
    **settings: Any,
) -> TableRun:
    """Run a method from the reference [K] (uniform if not given) on log-odds S [K, K], P = σ(S), `steps` times.

    Each step minimises the method's regression exactly. Gaps are those of P − ½, or of S for GPO and its kin, with the
    price β for leaving the reference where that is the method's game. `lengths` [K] (1 if not given) are for ln-gpo,
    `rewards` [K] or [M, K] for distillation (the means of the rows of S if not given). S, and what comes with it, may
    have leading dimensions: games of one size are solved at once.
    """
    S = np.asarray(scores, dtype=np.float64)
    shape: tuple[int, ...] = S.shape
    if len(shape) < 2:
        raise DataError(f"expected scores [K, K], got the shape {S.shape}")
    games = np.array([check_game(game) for game in S.reshape(-1, *shape[-2:])]).reshape(shape)
    if steps < 1:
        raise DataError(f"expected at least 1 step, got {steps}")
    if isinstance(method, str):
        method = make_method(method, **settings, **({} if beta is None else {"beta": beta}))
    elif settings or (beta is not None and beta != method.beta):
        raise DataError("a method that is made already has its settings: give the name of the method, or no settings")
    table = _Table(
        method,
        torch.from_numpy(games),
        _log_reference(reference, shape[:-1]),
        _numbers(lengths, np.ones(shape[-1])),
        _numbers(None if rewards is None else np.atleast_2d(rewards), games.mean(-1)[..., None, :]),
    )
    policies = np.stack([policy.exp().numpy() for policy in table.run(steps)])
    game = games if method.game == "log-odds" else 1 / (1 + np.exp(-games)) - 0.5
    priced = method.goal == "regularised equilibrium"
    gaps = duality_gaps(
        game, policies, reference=table.reference.exp().numpy() if priced else None, beta=method.beta if priced else 0.0
    )
    return TableRun(policies[-1], policies.mean(0), gaps, policies)


@dataclass(frozen=True)
class _Table:
    method: Method
    log_odds: Tensor  # [..., K, K]
    reference: Tensor  # [..., K], logarithms
    lengths: Tensor
    rewards: Tensor  # [..., M, K]

    def run(self, steps: int) -> list[Tensor]:
        """log π after each step."""
        method, reference, found = self.method, self.reference, []
        history: tuple[Tensor, ...] = (reference,)
        for iteration in range(1, steps + 1):
            weights = method.opponents(len(history))
            opponent = sum((w * past.exp() for w, past in zip(weights, history)), start=0 * reference)
            policy = method.regression(self.look(iteration, reference, history, opponent)).solution()
            if method.half_step:
                policy = method.regression(self.look(iteration, reference, history, policy.exp())).solution()
            history = (policy, *history)[: method.remembers]
            found.append(policy)
            if method.moves_reference(iteration):
                reference = policy
        return found

    def look(self, iteration: int, reference: Tensor, history: tuple[Tensor, ...], opponent: Tensor) -> Look:
        sampled = history[0] if self.method.samples == "policy" else reference
        return Look(
            iteration=iteration,
            weight=sampled.exp().clamp_min(torch.finfo(sampled.dtype).tiny),
            opponents=opponent.unsqueeze(-2).expand(self.log_odds.shape),
            log_odds=self.log_odds,
            preferences=torch.sigmoid(self.log_odds),
            reference=reference,
            history=history,
            length=self.lengths,
            rewards=self.rewards,
        )


def _log_reference(reference: ArrayLike | None, shape: tuple[int, ...]) -> Tensor:
    rho = np.full(shape, 1 / shape[-1]) if reference is None else np.asarray(reference, dtype=np.float64)
    if rho.shape[-1:] != shape[-1:] or not (rho > 0).all() or not np.allclose(rho.sum(-1), 1, atol=1e-6):
        raise DataError(f"expected a reference of {shape[-1]} probabilities above 0 that sum to 1, got {rho.tolist()}")
    return torch.from_numpy(np.log(np.broadcast_to(rho / rho.sum(-1, keepdims=True), shape)))


def _numbers(values: ArrayLike | None, default: NDArray[np.float64]) -> Tensor:
    given = default if values is None else np.asarray(values, dtype=np.float64)
    if not np.isfinite(given).all() or given.shape[-1:] != default.shape[-1:]:
        raise DataError(f"expected a finite number for each of the {default.shape[-1]} responses, got {given.tolist()}")
    return torch.from_numpy(given)
