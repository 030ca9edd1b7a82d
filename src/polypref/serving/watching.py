"""What a moderator should see: who seems to click at random, and where opinion has changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from scipy import stats

from polypref.crowd.reliability import dawid_skene
from polypref.groups.model import Group

FALSE_ALARM = 0.05  # how probably anybody is suspected in a crowd in which all agree alike, at most
_PLAIN = 0.01  # how improbable coins must be, on either side, so that somebody is seen to mean what they say


@dataclass(frozen=True)
class Habits:
    """One person's comparisons beside those of the others."""

    compared: int  # decided comparisons of pairs on which the others have a majority
    agreed: int  # those that say what that majority says
    accuracy: float  # Dawid and Skene's, of all their decided comparisons
    at_random: bool


def habits(groups: Iterable[Group]) -> dict[str, Habits]:
    """How everybody compares, and who seems to do so at random.

    Of a person's n comparisons of pairs on which the others have a majority, k agree with it. They are suspected where
    k is too small for somebody who agrees as often as all others together (binomial, the false alarm shared out over
    the persons), and what coins might say (1 % on either side): whoever is of the contrary opinion is not.
    """
    votes = _decided(groups)
    compared, agreed = _beside_others(votes)
    accuracy = _accuracy(votes)
    people = sorted({who for _, who, _ in votes})
    asked, said = sum(compared.values()), sum(agreed.values())
    found = {}
    for who in people:
        n, k = compared[who], agreed[who]
        others = (said - k + 1) / (asked - n + 2)  # Laplace: nobody agrees always
        fewer = stats.binom.cdf(k, n, max(0.5, others)) <= FALSE_ALARM / len(people)
        coins = min(stats.binom.cdf(k, n, 0.5), stats.binom.sf(k - 1, n, 0.5)) > _PLAIN
        found[who] = Habits(n, k, accuracy[who], bool(fewer and coins))
    return found


_Vote = tuple[tuple[int, int, int], str, bool]  # the pair, who, and whether they prefer its first response


def _decided(groups: Iterable[Group]) -> list[_Vote]:
    """The last decided comparison of each person and pair."""
    last: dict[tuple[tuple[int, int, int], str], bool] = {}
    for at, group in enumerate(groups):
        for one in group.comparisons:
            if one.annotator is not None and one.p != 0.5 and one.weight > 0:
                pair = (at, min(one.i, one.j), max(one.i, one.j))
                last[pair, one.annotator] = (one.p > 0.5) == (one.i < one.j)
    return [(pair, who, first) for (pair, who), first in last.items()]


def _beside_others(votes: list[_Vote]) -> tuple[dict[str, int], dict[str, int]]:
    """By person: comparisons on which the others have a majority, and those that agree with it."""
    balance: dict[tuple[int, int, int], int] = defaultdict(int)
    for pair, _, first in votes:
        balance[pair] += 1 if first else -1
    compared: dict[str, int] = defaultdict(int)
    agreed: dict[str, int] = defaultdict(int)
    for pair, who, first in votes:
        others = balance[pair] - (1 if first else -1)
        if others:
            compared[who] += 1
            agreed[who] += (others > 0) == first
    return compared, agreed


def _accuracy(votes: list[_Vote]) -> dict[str, float]:
    """Each pair is told in both orders, for which response comes first means nothing."""
    if not votes:
        return {}
    numbers: dict[tuple[tuple[int, int, int], bool], int] = {}
    told = [(pair, who, order, first == order) for pair, who, first in votes for order in (True, False)]
    items = [numbers.setdefault((pair, order), len(numbers)) for pair, _, order, _ in told]
    found = dawid_skene(items, [who for _, who, _, _ in told], [int(says) for *_, says in told], 2)
    return {str(who): float(value) for who, value in zip(found.annotators, found.accuracy)}
