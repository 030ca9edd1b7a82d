"""Labels to doubt: what models that never saw a pair make of it, and how probable it is that its label is flipped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from polypref.choice.linear_utility import draw_clusters, fit_linear_utility, resampled_weights
from polypref.collection.pool import Pool, make_pool
from polypref.errors import PolyprefError, Undefined
from polypref.groups.model import Group
from polypref.groups.splitting import prompt_key

Floats = NDArray[np.float64]
Kind = Literal["flip", "near tie", "split", "sound"]

_FLIPPED = 0.5  # probability from which on a label counts as flipped
_NEAR = 0.1  # how far from ½ an expected share is that of a near tie
_PRIOR_FLIPS, _PRIOR_LABELS = 1.0, 20.0  # before any evidence, one label of twenty is thought flipped
_STEPS = 500
_CLOSE = 1e-7  # of the noise rate and the scale


class Doubt(NamedTuple):
    """What is thought of the label of a judged pair; `preferred` is the response that most votes preferred."""

    group: int
    preferred: int
    other: int
    share: float  # of the votes, that preferred it; ½: a tie
    votes: float
    mean: float  # of u(preferred) − u(other), over models that did not see the prompt
    spread: float  # its standard deviation over these models
    expected: float  # share of votes that it should have
    flipped: float  # probability that the label is flipped
    kind: Kind


@dataclass(frozen=True)
class Doubts:
    """Every judged pair, and how many labels are noise."""

    pairs: list[Doubt]
    noise: float  # share of the labels that are flipped

    def of(self, kind: Kind) -> list[Doubt]:
        """Those of a kind, the most probably flipped first."""
        return sorted((one for one in self.pairs if one.kind == kind), key=lambda one: -one.flipped)


def suspect_labels(
    groups: Sequence[Group],
    features: Sequence[NDArray[np.floating]],
    *,
    members: int = 16,
    folds: int = 5,
    seed: int = 0,
    ridge: float = 1.0,
) -> Doubts:
    """Doubt the label of every judged pair, from features [K, d] of each group's responses.

    The prompts are split into `folds`; for each, `members` linear utilities are fitted to bootstraps of the prompts of
    the others. They give μ̂ and σ̂ of the difference of utilities. A label is thought flipped with probability
    ε(1 − p) / ((1 − ε)p + ε(1 − p)), p = σ(a·μ̂ / √(1 + πσ̂²/8)); see `noise_rate` for ε and a. Several votes must each
    have been flipped. Kinds: people `split` (both sides have votes), which is never noise; `flip`: probably flipped,
    and μ̂ + σ̂ < 0; `near tie`: p within 0.1 of ½; else `sound`.
    """
    pool = make_pool(groups, features)
    decided = pool.shares != 0.5
    if not len(pool.shares):
        raise Undefined("no pair was compared, so that there is no label to doubt")
    if not decided.any():
        raise Undefined(f"all {len(decided):,} judged pairs are ties, so that there is no label to doubt")
    if members < 2 or folds < 2:
        raise PolyprefError(f"{members} members and {folds} folds; expected 2 of each or more")
    margins = _margins(pool, [prompt_key(group) for group in groups], members, folds, seed, ridge)
    margins *= np.where(pool.shares >= 0.5, 1, -1)[:, None]  # of the preferred response
    mean, spread = margins.mean(axis=1), margins.std(axis=1, ddof=1)
    shrunk = mean / np.sqrt(1 + np.pi / 8 * spread**2)
    share = np.maximum(pool.shares, 1 - pool.shares)
    split = (share < 1) & (pool.votes >= 2)
    single = decided & ~split
    noise, scale = noise_rate(shrunk[single]) if single.any() else (0.0, 1.0)
    expected = expit(scale * shrunk)
    flipped = np.where(single, flip_probability(expected, noise) ** np.maximum(pool.votes, 1), 0.0)
    pairs = []
    for at in range(len(share)):
        i, j = int(pool.judged.i[at]), int(pool.judged.j[at])
        kind = _kind(bool(split[at]), float(flipped[at]), float(mean[at] + spread[at]), float(expected[at]))
        preferred, other = (i, j) if pool.shares[at] >= 0.5 else (j, i)
        doubt = Doubt(
            group=int(pool.judged.group[at]),
            preferred=preferred,
            other=other,
            share=float(share[at]),
            votes=float(pool.votes[at]),
            mean=float(mean[at]),
            spread=float(spread[at]),
            expected=float(expected[at]),
            flipped=float(flipped[at]),
            kind=kind,
        )
        pairs.append(doubt)
    return Doubts(pairs, noise)


def noise_rate(margins: Floats) -> tuple[float, float]:
    """The share ε of flipped labels, and the scale a that flips took from the margins, by expectation maximisation.

    `margins` [n] are differences of utilities, positive where they agree with the label, which it does with probability
    (1 − ε)σ(a·margin) + εσ(−a·margin). Utilities that were fitted to flipped labels are too flat, and a mends that. The
    prior is that one label of twenty was seen flipped, and log a is standard normal.
    """
    rate, scale = _PRIOR_FLIPS / _PRIOR_LABELS, 1.0
    for _ in range(_STEPS):
        expected = expit(scale * margins)
        flipped = flip_probability(expected, rate)
        found = float(flipped.sum() + _PRIOR_FLIPS) / (len(margins) + _PRIOR_LABELS)
        slope = float(margins @ (1 - flipped - expected)) - np.log(scale) / scale
        curvature = float(np.square(margins) @ (expected * (1 - expected))) + 1 / scale**2
        step = float(np.clip(slope / curvature, -scale / 2, scale))
        if max(abs(found - rate), abs(step)) < _CLOSE:
            break
        rate, scale = found, scale + step
    return rate, scale


def flip_probability(expected: Floats, rate: float) -> Floats:
    """How probable it is that labels are flipped, of expected shares [n] and a noise rate."""
    flipped = rate * (1 - expected)
    probability: Floats = flipped / ((1 - rate) * expected + flipped)
    return probability


def _margins(pool: Pool, prompts: Sequence[str], members: int, folds: int, seed: int, ridge: float) -> Floats:
    """u(y_i) − u(y_j) [m, members] of each judged pair, by utilities that were fitted to other prompts."""
    differences = pool.differences(pool.judged)
    _, number = np.unique(np.array(prompts, dtype=object)[pool.judged.group], return_inverse=True)
    count = int(number.max()) + 1
    if count < 2:
        raise Undefined("only one prompt has judged pairs, and labels are doubted by what other prompts teach")
    fold = (np.random.default_rng(seed).permutation(count) % min(folds, count))[number]
    margins = np.empty((len(fold), members))
    for part in range(int(fold.max()) + 1):
        own, rest = fold == part, fold != part
        seen, share, votes = differences[rest], pool.shares[rest], pool.votes[rest]
        fitted = fit_linear_utility(seen, share, votes, ridge=ridge)
        drawn = draw_clusters(number[rest], members, seed + part)
        margins[own] = differences[own] @ resampled_weights(fitted, seen, share, votes, drawn).T
    return margins


def _kind(split: bool, flipped: float, at_most: float, expected: float) -> Kind:
    if split:
        return "split"
    if flipped > _FLIPPED and at_most < 0:
        return "flip"
    return "near tie" if abs(expected - 0.5) <= _NEAR else "sound"
