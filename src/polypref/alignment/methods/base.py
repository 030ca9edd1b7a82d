"""What a method is: which past policies it anchors at, and which targets it gives the log-ratios of responses.

Almost all methods fit log-ratios to a target by squares. With lr_i = log π_θ(y_i) − log π_ref(y_i) and a_i the same of
the anchor, which is a mixture of past policies (weight 0 on all of them is the reference):

    pairs      L = Σ_ij w_i·w_j·((lr_i − lr_j) − (a_i − a_j) − T_ij)²
    one-sided  L = Σ_i w_i·(lr_i − a_i − t_i)²

A method looks at one prompt's K responses as a `View` and answers with an `Aim`: a, T or t, and w. It never learns
whether the responses are all that there are (a table, see `tables.py`) or samples of a language model: the view says
how to average over opponents, and the loss takes log-ratios from wherever they come.
"""

from __future__ import annotations

from abc import ABC
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Optional

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from polypref.errors import PolyprefError

if TYPE_CHECKING:
    from torch import Tensor

Floats = npt.NDArray[np.float64]
Game = Literal["log-odds", "margins"]


class MethodError(PolyprefError):
    """A method was given settings or data that it cannot use."""


@dataclass(frozen=True, eq=False)
class View:
    """What is known of the K responses to one prompt when a policy is fitted to them.

    Log-ratios are to the reference. `opponents` averages over opponents drawn from the policy of the last iteration:
    each row sums to 1, and in samples leaves the response itself out.
    """

    scores: Floats  # [K, K] log-odds of the guide, skew-symmetric
    previous: Floats  # [K] log π_t − log π_ref of the policy of the last iteration
    weights: Floats  # [K] how much each response counts in the loss, summing to 1: 1/K for samples of π_t
    opponents: Floats  # [K, K]
    current: Floats  # [K] log π_θ − log π_ref of the policy that is being fitted, as it stands
    history: tuple[Floats, ...] = ()  # log-ratios of policies before the last, newest first
    step: int = 1  # the iteration, from 1
    rewards: Optional[Floats] = None  # [M, K] of several reward models, for distillation
    lengths: Optional[Floats] = None  # [K] in tokens

    @property
    def preferences(self) -> Floats:
        """P = σ(scores), `[K, K]`."""
        return expit(self.scores)

    def against_previous(self, game: Floats) -> Floats:
        """Mean of each row `[K]` over opponents of the last iteration's policy."""
        return (self.opponents * game).sum(axis=1)

    def against_current(self, game: Floats) -> Floats:
        """The same over opponents of the policy as it stands: those of the last iteration, weighed again."""
        moved = self.current - self.previous
        factors = self.opponents * np.exp(moved - moved.max())
        return (factors * game).sum(axis=1) / factors.sum(axis=1)


@dataclass(frozen=True, eq=False)
class Aim:
    """What log-ratios are fitted to."""

    anchor: Floats  # [K]
    target: Floats  # [K] one-sided, or [K, K] for pairs, skew-symmetric
    weights: Floats  # [K], summing to 1
    divisors: Optional[Floats] = None  # [K] of one-sided log-ratios, such as lengths

    @property
    def is_pairwise(self) -> bool:
        return self.target.ndim == 2


@dataclass(frozen=True)
class Method(ABC):
    """Settings of a method and the aim it sets."""

    name: ClassVar[str]
    paper: ClassVar[str]
    game: ClassVar[Optional[Game]] = None  # whose equilibrium it looks for; None: of none
    converges: ClassVar[Literal["last", "average", "no"]] = "no"  # which iterate gets there
    offline: ClassVar[bool] = False  # learns from responses of the reference, and none of its own
    asks_while_fitting: ClassVar[bool] = False  # whether the aim moves with the policy that is fitted
    extragradient: ClassVar[bool] = False  # whether each step is taken with the gradient after a trial step
    needs_rewards: ClassVar[bool] = False

    def aim(self, view: View) -> Aim:
        """The aim of one prompt's responses."""
        raise NotImplementedError

    def moves_reference(self, step: int) -> bool:
        """Whether the reference becomes the current policy after iteration `step`, counted from 1."""
        return False

    def rate(self, step: int) -> float:
        """How far an exact step goes from the last policy to the minimum: 1, or less where that would not converge."""
        return 1.0

    @property
    def strength(self) -> float:
        """β of the game πᵀAπ′ − β·KL(π ‖ ref) + β·KL(π′ ‖ ref) whose equilibrium is looked for; 0: of no anchor."""
        return 0.0

    def loss(self, log_ratios: Tensor, aim: Aim) -> Tensor:
        """The regression of one prompt: log-ratios of the policy to the reference `[K]` → a number."""
        like: dict[str, Any] = {"dtype": log_ratios.dtype, "device": log_ratios.device}
        anchor, target, weights = (_tensor(part, like) for part in (aim.anchor, aim.target, aim.weights))
        moved = log_ratios - anchor
        if aim.is_pairwise:
            return (weights[:, None] * weights * (moved[:, None] - moved - target).square()).sum()
        if aim.divisors is not None:
            moved = moved / _tensor(aim.divisors, like)
        return (weights * (moved - target).square()).sum()

    def minimum(self, aim: Aim, reference: Floats) -> Floats:
        """Log-ratios `[K]` of the policy on a table that minimises the loss; `reference` are its log-probabilities.

        Where the loss is of pairs a constant is free, and normalising settles it: lr_i = a_i + Σ_j w_j T_ij. One-sided,
        the policy that is nearest to the targets among those that sum to 1: lr_i + λ·exp(lr_i)·π_ref,i/w_i = a_i + t_i.
        """
        from polypref.alignment.regression import nearest_normalised, normalised

        if aim.is_pairwise:
            return normalised(aim.anchor + aim.target @ aim.weights, reference)
        scale = np.ones(len(aim.weights)) if aim.divisors is None else aim.divisors
        return nearest_normalised(aim.anchor + scale * aim.target, aim.weights / scale**2, reference)

    def settings(self) -> dict[str, Any]:
        """What the configuration stores."""
        return asdict(self)


@dataclass(frozen=True)
class Hard:
    """Whether a pair's soft preference is replaced by its winner, as papers do that sample one judgment."""

    hard: bool = field(default=False, kw_only=True)

    def judged(self, preferences: Floats) -> Floats:
        """P, or 1 for the winner, 0 for the loser and ½ for a tie."""
        return (np.sign(preferences - 0.5) + 1) / 2 if self.hard else preferences


def check_above_zero(method: str, **values: float) -> None:
    """Refuse settings that are not above 0."""
    for name, value in values.items():
        if not (value > 0 and np.isfinite(value)):
            raise MethodError(f"{name} of {method} is {value}; it must be a finite number above 0")


def with_current(view: View, current: Floats) -> View:
    """The same responses, seen while the policy that is fitted stands elsewhere."""
    return replace(view, current=current)


def _tensor(values: Floats, like: dict[str, Any]) -> Tensor:
    import torch

    return torch.as_tensor(values, **like)
