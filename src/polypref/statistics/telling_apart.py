"""Does telling persons apart pay? What a taste for each foretells of held-out votes beyond one taste for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from polypref.errors import Undefined
from polypref.statistics.intervals import FEWEST_PROMPTS
from polypref.statistics.resampling import Bootstrap, Estimate, Terms

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FOLDS = 5
_RIDGE = 1.0  # precision of the prior on the common taste, in units of features of spread 1
_ROWS = 2**14  # votes whose curvature is formed at a time


@dataclass(frozen=True, slots=True)
class ToldApart:
    """What telling persons apart gains on prompts that nobody's taste was learned from."""

    log_loss: Estimate  # nats per vote less
    accuracy: Estimate  # share of decided votes more
    people: int
    votes: int

    @property
    def pays(self) -> bool:
        """Whether the log-loss falls beyond doubt."""
        return self.log_loss.low is not None and self.log_loss.low > 0


def gain_of_telling_apart(
    difference: npt.NDArray[np.floating[Any]],
    share: Floats,
    person: Ints,
    prompt: Ints,
    *,
    weight: Floats | None = None,
    seed: int = 0,
) -> ToldApart:
    """Cross-fitted over prompts: log-loss and accuracy of a taste for each against one for all, with 95 % intervals.

    `difference` [n, f] is that of cheap features, `share` [n] the vote. The common taste θ is a logistic regression;
    a person's is θ + w with w ~ N(0, τ²), one Newton step from θ on the person's votes. τ² is what makes people's
    gradients vary as much as they do beyond single votes, E Σ_u ‖g_u‖² − Σ_j ‖g_j‖² = τ²·Σ_u tr H_u²: where people
    differ by chance alone it is near 0, and both say the same.
    """
    w = np.ones(len(share)) if weight is None else weight
    prompts, code = np.unique(prompt, return_inverse=True)
    voters, who = np.unique(person, return_inverse=True)
    if len(prompts) < FEWEST_PROMPTS or len(voters) < 2:
        raise Undefined(
            f"telling persons apart needs two who are named, with votes on {FEWEST_PROMPTS} prompts, "
            f"got {len(voters)} with votes on {len(prompts)}"
        )
    d = np.asarray(difference, dtype=np.float64)
    spread = np.sqrt((d**2).mean(axis=0))
    d = d / np.where(spread > 0, spread, 1.0)
    fold = np.random.default_rng(seed).permutation(len(prompts))[code] % FOLDS
    one, each = np.zeros(len(share)), np.zeros(len(share))
    for k in range(FOLDS):
        train, held = fold != k, fold == k
        if held.any():
            one[held], each[held] = _foretold(d, share, w, who, len(voters), train, held)
    decided = w * (share != 0.5)
    gained = share * (each - one) - np.logaddexp(0, each) + np.logaddexp(0, one)
    right = ((each > 0) == (share > 0.5)).astype(float) - ((one > 0) == (share > 0.5))
    terms = {"log-loss": Terms(w * gained, w), "accuracy": Terms(decided * right, decided)}
    found = Bootstrap(code.astype(np.int64), seed=seed).estimates(terms)
    if found["log-loss"] is None or found["accuracy"] is None:
        raise Undefined("telling persons apart needs votes that are no ties")
    return ToldApart(found["log-loss"], found["accuracy"], len(voters), len(share))


def _foretold(
    d: Floats,
    share: Floats,
    w: Floats,
    who: Ints,
    people: int,
    train: npt.NDArray[np.bool_],
    held: npt.NDArray[np.bool_],
) -> tuple[Floats, Floats]:
    """Log-odds of held-out votes by one taste for all, and by a taste for each."""
    f = d.shape[1]
    theta = _common(d[train], share[train], w[train])
    p = expit(d[train] @ theta)
    missed = d[train] * (w[train] * (share[train] - p))[:, None]
    own = who[train]
    gradient = np.stack([np.bincount(own, column, people) for column in missed.T], axis=1)
    beyond = float((gradient**2).sum() - (missed**2).sum())
    order = np.argsort(own, kind="stable")
    x, h, own = d[train][order], (w[train] * p * (1 - p))[order], own[order]
    curvature = np.zeros((people, f, f))
    for at in range(0, len(x), _ROWS):
        part, of = x[at : at + _ROWS], own[at : at + _ROWS]
        starts = np.flatnonzero(np.diff(of, prepend=-1))
        squares = (part * h[at : at + _ROWS, None])[:, :, None] * part[:, None, :]
        curvature[of[starts]] += np.add.reduceat(squares, starts)
    variance = max(beyond, 0.0) / max(float((curvature**2).sum()), 1e-300)
    common = d[held] @ theta
    if variance == 0:
        return common, common
    precision = curvature + np.eye(f) / variance
    apart = np.linalg.solve(precision, gradient[:, :, None])[:, :, 0]
    return common, common + (d[held] * apart[who[held]]).sum(axis=1)


def _common(d: Floats, share: Floats, w: Floats) -> Floats:
    theta = np.zeros(d.shape[1])
    for _ in range(25):
        p = expit(d @ theta)
        gradient = d.T @ (w * (share - p)) - _RIDGE * theta
        step = np.linalg.solve((d * (w * p * (1 - p))[:, None]).T @ d + _RIDGE * np.eye(d.shape[1]), gradient)
        size = float(np.abs(step).max())
        theta = theta + step / max(1.0, size)
        if size < 1e-6:
            break
    return theta
