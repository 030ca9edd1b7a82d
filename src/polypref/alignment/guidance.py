"""What a preference model says of the samples of one prompt, as numbers that a policy can follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from polypref.choice import maximal_lottery
from polypref.crowd.worth import label_quantile, lower_tail, normal_lower_tail, normal_quantile
from polypref.errors import PolyprefError
from polypref.models.answer import Answer, StateAnswer
from polypref.models.heads import Head

Floats = npt.NDArray[np.float64]
Reward = Literal["log-odds", "win-rate", "lottery", "expected", "quantile", "tail", "blocks"]
REWARDS: tuple[str, ...] = get_args(Reward)
OF_A_CROWD = ("quantile", "tail")


def check_reward(reward: str, head: Head, share: float | None = None) -> None:
    """Refuse a reward that is unknown, or of which a head says nothing."""
    if reward not in REWARDS:
        raise PolyprefError(f"unknown reward {reward!r}; known are {', '.join(REWARDS)}")
    if reward in OF_A_CROWD and head.labels is None and "spread" not in head.says:
        raise PolyprefError(
            f"a {head.name} head does not know how a crowd is divided, which the reward {reward!r} is made of: "
            "take a distributional or gaussian model, or another reward"
        )
    if reward == "quantile" and head.labels is None and share == 1:
        raise PolyprefError(
            f"in the crowd of a {head.name} head there is nobody who likes a response most, at whom the quantile of "
            "share 1 would be: take a share below 1"
        )
    if reward == "expected" and "utilities" not in head.says:
        raise PolyprefError(
            f"a {head.name} head gives a response no utility of its own, which the reward 'expected' is: take "
            "'log-odds' or 'win-rate', or a model that does"
        )
    if reward == "blocks" and head.joint:
        raise PolyprefError(f"a {head.name} head has no blocks; take the reward 'log-odds'")


def leads(answer: Answer, reward: str = "log-odds", share: float = 0.25) -> Floats:
    """How far each sample is ahead of each other, `[K, K]`, skew-symmetric.

    `log-odds` and `win-rate` (P − ½) are those of the model, cycles included. The others give each sample a number and
    take differences: its probability in the maximal `lottery` of the samples, its `expected` label or utility, the
    `quantile` of the crowd at `share`, the mean of the share that likes it least (`tail`).
    """
    if reward in ("log-odds", "win-rate", "blocks"):
        log_odds = answer.log_odds
        if log_odds is None:
            raise PolyprefError(f"a {type(answer).__name__} says no log-odds, which the reward {reward!r} is made of")
        return np.tanh(log_odds / 2) / 2 if reward == "win-rate" else np.asarray(log_odds, dtype=np.float64)
    if not isinstance(answer, StateAnswer):
        raise PolyprefError(f"a {type(answer).__name__} is followed by its log-odds or win rates, not by {reward!r}")
    worth = _worth(answer, reward, share)
    return worth[:, None] - worth


def _worth(answer: StateAnswer, reward: str, share: float) -> Floats:
    if reward == "lottery":
        return maximal_lottery(answer.preferences)
    if reward == "expected":
        return answer.utilities
    if answer.labels is not None:
        read = label_quantile if reward == "quantile" else lower_tail
        return read(answer.opinions(), answer.labels, share)
    normal = normal_quantile if reward == "quantile" else normal_lower_tail
    return normal(answer.utilities, answer.spread, share)


def advantages(leads: npt.ArrayLike) -> Floats:
    """Advantages `[K]` of one group from how far its samples are ahead of each other, `[K, K]`; they sum to 0.

    A_i = (Σ_j d_ij/K) / √(Σ_ij d_ij² / (2K(K − 1))): the mean lead over the standard deviation that utilities with such
    leads would have (arXiv 2505.16265). For d_ij = r_i − r_j it is GRPO's (r_i − mean)/std; in a cycle, where nobody is
    ahead of all, it stays near 0, while dividing by the standard deviation of the means would blow up what is left.
    """
    d = np.asarray(leads, dtype=np.float64)
    k = len(d)
    if k < 2:
        return np.zeros(k)
    spread = np.sqrt(np.square(d).sum() / (2 * k * (k - 1)))
    return np.zeros(k) if spread == 0 else d.mean(axis=1) / spread


def block_advantages(answer: StateAnswer, multipliers: Sequence[float] | None = None) -> tuple[Floats, Floats]:
    """Advantages with every block of a head scaled by itself (GPRL, arXiv 2605.18721), and each block's share.

    A = Σ_l λ_l(x)·m_l·A^l, so that a block with small scores counts as much as one with large scores: `[K]`. The shares
    α_l of the variance of the scores, `[blocks]`, tell when a policy has begun to win by one block alone.
    """
    weights, parts = answer.blocks
    m = np.ones(len(weights)) if multipliers is None else np.asarray(multipliers, dtype=np.float64)
    if m.shape != weights.shape:
        raise PolyprefError(f"{len(m)} multipliers for a {answer.head.name} head of {len(weights)} blocks")
    variance = np.square(parts).sum(axis=(1, 2))
    total = variance.sum()
    shares = variance / total if total else np.full(len(weights), 1 / len(weights))
    made = sum((w * f * advantages(part) for w, f, part in zip(weights, m, parts)), np.zeros(answer.size))
    return made, shares
