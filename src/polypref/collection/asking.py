"""Which pairs to show to people next, for a stated budget, and why each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from polypref.choice.linear_utility import LinearUtility, draw_clusters, resampled_weights
from polypref.collection.design import informative_pairs
from polypref.collection.pool import Pool
from polypref.errors import PolyprefError

_COMMITTEE = 16  # members, each fitted to votes drawn anew
_DRAWS = 2000  # of the posterior, to tell how sure the best response is


class Question(NamedTuple):
    """A pair of responses to be judged."""

    group: int
    i: int
    j: int
    value: float  # how much the rule makes of it, in its own unit
    why: str


@dataclass(frozen=True)
class Asked:
    """What a rule chooses from, and how much."""

    pool: Pool
    known: LinearUtility  # what the votes so far say
    shares: NDArray[np.float64]  # [m], expected of the open pairs
    budget: int
    per_group: int | None
    seed: int


Choose = Callable[[Asked], tuple[NDArray[np.intp], NDArray[np.float64]]]  # places in order, and their values


@dataclass(frozen=True)
class Rule:
    """A way of choosing."""

    name: str
    sentence: str
    choose: Choose
    why: Callable[[float, float], str]  # from the expected share and the value


def choose_pairs(
    pool: Pool,
    budget: int,
    rule: str = "design",
    *,
    shares: NDArray[np.float64] | None = None,
    per_group: int | None = None,
    seed: int = 0,
    ridge: float = 1.0,
) -> list[Question]:
    """`budget` open pairs of a pool, in the order in which to ask about them; each at most once.

    `rule` is one of `RULES`. `shares` [m] are what a model expects of the open pairs; if left out, a linear utility
    that is fitted to the votes so far expects them (½ where there are none, so that a cold start works). At most
    `per_group` pairs of one group are taken.
    """
    if rule not in RULES:
        raise PolyprefError(f"unknown rule {rule!r}; known are {', '.join(RULES)}")
    if budget < 1:
        raise PolyprefError(f"the budget is {budget}; expected at least 1 pair")
    if not len(pool.open):
        raise PolyprefError("every pair of the pool is judged already; add responses, or prompts")
    if budget > len(pool.open):
        raise PolyprefError(f"the budget is {budget:,} pairs, and the pool has {len(pool.open):,} that are not judged")
    known = pool.fit(ridge)
    if shares is None:
        shares = expit(pool.differences(pool.open) @ known.weights)
    elif shares.shape != (len(pool.open),):
        raise PolyprefError(f"shares have shape {shares.shape}; expected ({len(pool.open)},), one for each open pair")
    if per_group is not None:
        _check_per_group(pool.open.group, per_group, budget)
    places, values = RULES[rule].choose(Asked(pool, known, shares, budget, per_group, seed))
    pairs = pool.open
    why = [RULES[rule].why(shares[at], value) for at, value in zip(places, values)]
    return [
        Question(int(pairs.group[at]), int(pairs.i[at]), int(pairs.j[at]), float(value), said)
        for at, value, said in zip(places, values, why)
    ]


def _check_per_group(group: NDArray[np.intp], per_group: int, budget: int) -> None:
    if per_group < 1:
        raise PolyprefError(f"at most {per_group} pairs of a group; expected at least 1")
    most = int(np.minimum(np.bincount(group), per_group).sum())
    if most < budget:
        raise PolyprefError(f"the budget is {budget:,} pairs, and at most {per_group} of each group are {most:,}")


def _first_of_each(group: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    """Places of the first `most` of every group, in order."""
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    starts = np.r_[True, ordered[1:] != ordered[:-1]]
    rank = np.arange(len(group)) - np.maximum.accumulate(np.where(starts, np.arange(len(group)), 0))
    return np.sort(order[rank < most])


def _random(asked: Asked) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    return _largest(asked, np.zeros(len(asked.pool.open)))


def _uncertain(asked: Asked) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Nearest to ½."""
    return _largest(asked, -np.abs(asked.shares - 0.5))


def _committee(asked: Asked) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Members fitted to groups drawn anew, each with an error of the posterior; the deviation of what they expect."""
    pool, known = asked.pool, asked.known
    drawn = draw_clusters(pool.judged.group, _COMMITTEE, asked.seed)
    members = resampled_weights(known, pool.differences(pool.judged), pool.shares, pool.votes, drawn)
    members += known.draws(_COMMITTEE, asked.seed) - known.weights
    return _largest(asked, np.std(expit(pool.differences(pool.open) @ members.T), axis=1))


def _design(asked: Asked) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    pairs, weights = asked.pool.open, asked.shares * (1 - asked.shares)
    chosen = informative_pairs(
        asked.pool.features,
        pairs.first,
        pairs.second,
        weights,
        asked.budget,
        asked.known.precision,
        group=pairs.group,
        per_group=asked.per_group,
    )
    return chosen.pairs, chosen.gains


def _largest(asked: Asked, values: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The places of the largest values; equal ones in an order drawn by the seed."""
    order = np.random.default_rng(asked.seed).permutation(len(values))
    places = order[np.argsort(-values[order], kind="stable")]
    if asked.per_group is not None:
        places = places[_first_of_each(asked.pool.open.group[places], asked.per_group)]
    places = places[: asked.budget]
    return places, values[places]


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("random", "Pairs drawn at random.", _random, lambda share, value: "drawn at random"),
        Rule(
            "uncertain",
            "Pairs whose expected share of votes is nearest to ½.",
            _uncertain,
            lambda share, value: f"expected share {share:.2f}",
        ),
        Rule(
            "committee",
            "Pairs on which models fitted to resampled votes differ most.",
            _committee,
            lambda share, value: f"a committee's shares differ by {value:.2f} around {share:.2f}",
        ),
        Rule(
            "design",
            "Pairs that together tell most about a utility linear in the features (greedy D-optimal).",
            _design,
            lambda share, value: f"adds {value:.3f} nats of information; expected share {share:.2f}",
        ),
    )
}


class Top(NamedTuple):
    """The best response of a group so far, and how probable it is that it is."""

    best: int
    probability: float

    def settled(self, error: float) -> bool:
        """Whether asking on is in vain at this error."""
        return self.probability >= 1 - error


def tops(pool: Pool, *, seed: int = 0, ridge: float = 1.0) -> list[Top]:
    """For each group, the response that is best in most draws of the posterior of a linear utility."""
    draws = pool.fit(ridge).draws(_DRAWS, seed).T.astype(pool.features.dtype)  # [d, draws]
    found = []
    for start, stop in zip(pool.starts, pool.starts[1:]):
        wins = np.bincount((pool.features[start:stop] @ draws).argmax(axis=0), minlength=stop - start) / _DRAWS
        found.append(Top(int(wins.argmax()), float(wins.max())))
    return found
