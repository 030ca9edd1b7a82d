"""What judgments imply: comparisons from ratings, and which response of a group is the best."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from polypref.errors import DataError
from polypref.groups.model import Comparison, Group, Rating

TEACHER = "general model"  # the annotator under whose name a model's opinion stands beside those of people
DERIVED_FROM = "derived_from"  # the key in a comparison's `meta` that says of what it was made
SCORES = "scores"


def comparison_of_scores(i: int, j: int, score: Sequence[float]) -> Comparison:
    """What two responses' scores imply. Of equal ones a tie that says so, for nobody said that they are equal."""
    if score[i] == score[j]:
        return Comparison(i, j, 0.5, meta={DERIVED_FROM: SCORES})
    return Comparison(i, j) if score[i] > score[j] else Comparison(j, i)


def is_ranked(comparison: Comparison) -> bool:
    """Whether a comparison tells how two responses rank: a tie that people stated does, one of scores does not."""
    return comparison.p != 0.5 or comparison.meta.get(DERIVED_FROM) != SCORES


def comparisons_from_ratings(group: Group) -> Group:
    """The group with a comparison added for every two responses that one annotator rated differently, criterion by
    criterion; the margin is the difference of the labels. Equal labels imply nothing, and neither do ratings without
    an order. Ratings without an annotator count as one annotator's."""
    judges: dict[tuple[str | None, str | None], list[Rating]] = defaultdict(list)
    for rating in group.ratings:
        judges[rating.annotator, rating.criterion].append(rating)
    implied = [
        _comparison(a, b) for ratings in judges.values() for a, b in itertools.combinations(ratings, 2) if a.i != b.i
    ]
    return replace(group, comparisons=(*group.comparisons, *(c for c in implied if c is not None)))


def best_response(group: Group) -> int | None:
    """The response with the most wins: the votes of people that preferred it, over all comparisons; where nobody
    compared, the one with the highest mean rating. The first of equals; None where nothing with an order was said."""
    wins: dict[int, float] = defaultdict(float)
    for c in group.comparisons:
        if c.annotator == TEACHER:
            continue
        wins[c.i] += c.weight * c.p
        wins[c.j] += c.weight * (1 - c.p)
    return _first_of_highest(wins or _mean_ratings(group))


def _mean_ratings(group: Group) -> dict[int, float]:
    """Of each response that was rated with numbers, by its index."""
    totals: dict[int, float] = defaultdict(float)
    votes: dict[int, float] = defaultdict(float)
    for rating in group.ratings:
        if not isinstance(rating.label, str):
            totals[rating.i] += rating.weight * rating.label
            votes[rating.i] += rating.weight
    return {at: total / votes[at] for at, total in totals.items()}


def _first_of_highest(values: Mapping[int, float]) -> int | None:
    return max(sorted(values), key=values.__getitem__, default=None)


def _comparison(a: Rating, b: Rating) -> Comparison | None:
    if isinstance(a.label, str) or isinstance(b.label, str):
        raise DataError("is a name, and names have no order to compare by", field="ratings.label")
    if a.label == b.label:
        return None
    better, worse = (a, b) if a.label > b.label else (b, a)
    assert not isinstance(better.label, str)
    assert not isinstance(worse.label, str)
    return Comparison(
        better.i,
        worse.i,
        annotator=a.annotator,
        criterion=a.criterion,
        weight=min(a.weight, b.weight),
        time=a.time if a.time == b.time else None,
        margin=better.label - worse.label,
    )
