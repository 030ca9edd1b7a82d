"""What a method is: for one iteration, anchors and targets of a regression; the same for tables and language models.

Whoever holds the policy (a table, a language model) runs this loop, and a method never sees more than numbers:

    history = (π_0, …)                                 # newest first, at most `method.remembers` policies
    for iteration in 1, 2, …:
        sample responses from method.samples           # "policy": π_t; "reference": π_ref
        look = Look(…, opponents: π_t, or the mixture of the history that method.opponents(past) weighs)
        fit π_θ to method.regression(look)             # minimise .loss(log π_θ(y_i)); log .achieved and .target
        if method.half_step:                           # EGPO
            ask again with the fitted policy as opponent, go back to π_t, and fit to that
        history = (π_{t+1}, *history)
        if method.moves_reference(iteration): π_ref = π_{t+1}       # COMAL

A table gives expectations: `weight` is π_t itself and each row of `opponents` is the policy played against. A language
model gives K samples: `weight` is 1/K, and row i of `opponents` is 1/(K − 1) on the others, 0 on i. Log-probabilities
are sums over the tokens of a response. β is in the units of what is played for: P (a share) for all but GPO, LN-GPO,
DSPPO, DPO and SePPO (log-odds) and distillation (reward): one nat of log-ratio is worth β of it. A target is thus at
most 1/(2β) nats for shares, but max |log-odds|/β for GPO: with the same β that is ten times as much, or more.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from polypref.alignment.regression import Regression
from polypref.errors import PolyprefError

Game = Literal["preferences", "log-odds", "reward"]
Goal = Literal["equilibrium", "regularised equilibrium", "best response", "winners"]


class MethodError(PolyprefError):
    """A method does not fit its settings or what it is given; the message says what does."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a method sees of an iteration: K responses of a group (or of many, in leading dimensions)."""

    iteration: int  # from 1
    weight: Tensor  # [..., K], how often each response is sampled; sums to 1
    opponents: Tensor  # [..., K, K], row i: whom response i is compared with; rows sum to 1
    log_odds: Tensor  # [..., K, K]
    preferences: Tensor  # [..., K, K], σ of the log-odds, or 0 and 1 for sampled winners
    reference: Tensor  # [..., K], log π_ref(y_i)
    history: tuple[Tensor, ...]  # of [..., K], log π_t(y_i), log π_{t−1}(y_i), …, newest first
    length: Tensor | None = None  # [..., K], tokens
    rewards: Tensor | None = None  # [..., M, K], of several reward models

    @property
    def policy(self) -> Tensor:
        """log π_t(y_i) [..., K]."""
        return self.history[0]


@dataclass(frozen=True, kw_only=True)
class Method(ABC):
    """Settings of a method and its regression. The fields of a subclass are its settings."""

    name: ClassVar[str]
    title: ClassVar[str]
    paper: ClassVar[str]
    anchor: ClassVar[str]  # in words, for tables
    target: ClassVar[str]
    game: ClassVar[Game]
    goal: ClassVar[Goal]  # KL to the reference has a price where it is regularised
    last_iterate: ClassVar[bool]  # whether the last policy reaches the goal, or the average alone
    samples: ClassVar[Literal["policy", "reference"]] = "policy"
    half_step: ClassVar[bool] = False

    beta: float = 0.1
    winners: Literal["soft", "hard"] = "soft"  # hard: the preferred response of a pair has won it

    def __post_init__(self) -> None:
        if not 0 < self.beta < float("inf"):
            raise MethodError(f"expected a beta above 0, got {self.beta}")
        if self.winners not in ("soft", "hard"):
            raise MethodError(f"winners is {self.winners!r}, expected 'soft' or 'hard'")

    @abstractmethod
    def regression(self, look: Look) -> Regression:
        """Anchors and targets of this iteration; everything in it is free of gradients."""

    def loss(self, log_policy: Tensor, look: Look) -> Tensor:
        """The regression's loss of each group [...], for log π_θ(y_i) [..., K]."""
        return self.regression(look).loss(log_policy)

    @property
    def remembers(self) -> int:
        """How many past policies, π_t among them, it anchors on."""
        return 1

    def opponents(self, past: int) -> tuple[float, ...]:
        """Weights, newest first, of the `past` policies at hand that responses are compared with."""
        return (1.0,) + (0.0,) * (past - 1)

    @property
    def period(self) -> int | None:
        """After how many iterations the reference becomes the policy, and again; none: never."""
        return None

    def moves_reference(self, iteration: int) -> bool:
        """Whether the reference becomes the policy after this iteration."""
        return self.period is not None and iteration % self.period == 0

    def shares(self, look: Look) -> Tensor:
        """P [..., K, K], with 0, ½ and 1 alone where winners are hard."""
        P = look.preferences
        return P if self.winners == "soft" else (torch.sign(P - 0.5) + 1) / 2


def against(look: Look, values: Tensor) -> Tensor:
    """The mean [..., K] of values [..., K, K] over whom each response is compared with."""
    return (look.opponents * values).sum(-1)


def check_choice(choose: str) -> None:
    """Refuse what `chosen_pairs` does not know."""
    if choose not in ("all", "best-worst"):
        raise MethodError(f"choose is {choose!r}, expected 'all' or 'best-worst'")


def chosen_pairs(look: Look, choose: str) -> Tensor | None:
    """Of which pairs [..., K, K] a method learns: all (None), or the best response with the worst (`best-worst`).

    Best is what wins most often against the others as they are sampled.
    """
    if choose == "all":
        return None
    wins = (look.weight.unsqueeze(-2) * look.preferences).sum(-1)
    best, worst = (nn.functional.one_hot(found, wins.shape[-1]) for found in (wins.argmax(-1), wins.argmin(-1)))
    pair = best.unsqueeze(-1) * worst.unsqueeze(-2)
    return (pair + pair.transpose(-1, -2)).to(look.preferences)


def with_partition(target: Tensor, weight: Tensor, partition: str) -> Tensor:
    """Targets [..., K] less log Σ w exp(target), so that the policy that meets them sums to 1 over the samples.

    As they are if the partition is "zero".
    """
    if partition not in ("sampled", "zero"):
        raise MethodError(f"partition is {partition!r}, expected 'sampled' or 'zero'")
    if partition == "zero":
        return target
    return target - torch.logsumexp(target + weight.log(), -1, keepdim=True)
