"""Which pairs to show to people next, for a stated budget, and why each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from polypref.choice.linear_utility import LinearUtility, fit_linear_utility
from polypref.collection.design import informative_pairs
from polypref.collection.pool import Pairs, Pool
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


# from a pool, what its votes say, the shares expected of its open pairs [m], a budget, a seed and the ridge
Choose = Callable[
    [Pool, LinearUtility, NDArray[np.float64], int, int, float], tuple[NDArray[np.intp], NDArray[np.float64]]
]


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
    wanted = budget if per_group is None else len(pool.open)
    places, values = RULES[rule].choose(pool, known, shares, wanted, seed, ridge)
    if per_group is not None:
        kept = _first_of_each(pool.open.group[places], per_group)[:budget]
        places, values = places[kept], values[kept]
    pairs = pool.open
    why = [RULES[rule].why(shares[at], value) for at, value in zip(places, values)]
    return [
        Question(int(pairs.group[at]), int(pairs.i[at]), int(pairs.j[at]), float(value), said)
        for at, value, said in zip(places, values, why)
    ]


def _first_of_each(group: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    """Places of the first `most` of every group, in order."""
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    starts = np.r_[True, ordered[1:] != ordered[:-1]]
    rank = np.arange(len(group)) - np.maximum.accumulate(np.where(starts, np.arange(len(group)), 0))
    return np.sort(order[rank < most])


def _random(
    pool: Pool, known: LinearUtility, shares: NDArray[np.float64], budget: int, seed: int, ridge: float
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    places = np.random.default_rng(seed).permutation(len(pool.open))[:budget]
    return places, np.ones(len(places))


def _uncertain(
    pool: Pool, known: LinearUtility, shares: NDArray[np.float64], budget: int, seed: int, ridge: float
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Nearest to ½; ties in an order drawn by the seed."""
    return _largest(-np.abs(shares - 0.5), budget, seed)


def _committee(
    pool: Pool, known: LinearUtility, shares: NDArray[np.float64], budget: int, seed: int, ridge: float
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Members fitted to groups drawn anew with replacement; the standard deviation of the shares they expect."""
    rng = np.random.default_rng(seed)
    differences, open_pairs = pool.differences(pool.judged), pool.differences(pool.open)
    groups, code = np.unique(pool.judged.group, return_inverse=True)
    said = []
    for member in range(_COMMITTEE):
        drawn = rng.multinomial(len(groups), np.full(len(groups), 1 / len(groups)))[code] if len(groups) else code
        fitted = fit_linear_utility(differences, pool.shares, pool.votes * drawn, ridge=ridge)
        said.append(expit(open_pairs @ fitted.draws(1, seed + member)[0]))
    return _largest(np.std(said, axis=0), budget, seed)


def _design(
    pool: Pool, known: LinearUtility, shares: NDArray[np.float64], budget: int, seed: int, ridge: float
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    chosen = informative_pairs(
        pool.features, pool.open.first, pool.open.second, shares * (1 - shares), budget, known.precision
    )
    return chosen.pairs, chosen.gains


def _largest(values: NDArray[np.float64], count: int, seed: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    order = np.random.default_rng(seed).permutation(len(values))
    places = order[np.argsort(-values[order], kind="stable")[:count]]
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


def tops(pool: Pool, groups: int, *, seed: int = 0, ridge: float = 1.0) -> list[Top]:
    """For each of so many groups, the response that is best in most draws of the posterior of a linear utility."""
    drawn = pool.features @ pool.fit(ridge).draws(_DRAWS, seed).T.astype(pool.features.dtype)  # [N, draws]
    rows = [
        np.unique(np.concatenate([own for pairs in (pool.open, pool.judged) for own in _rows(pairs, at)]))
        for at in range(groups)
    ]
    found = []
    for own in rows:
        wins = np.bincount(drawn[own].argmax(axis=0), minlength=len(own)) / _DRAWS
        found.append(Top(int(wins.argmax()), float(wins.max())))
    return found


def _rows(pairs: Pairs, group: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    own = pairs.group == group
    return pairs.first[own], pairs.second[own]
