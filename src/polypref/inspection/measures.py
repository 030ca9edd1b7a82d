"""What an inspection measures on the table of judgments: one function per line of the screen."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from polypref.choice import cyclic_share, is_connected, preference_matrix, strongest_cycles
from polypref.crowd import Agreement, comparison_alpha, detect_drift, find_camps, krippendorff_alpha
from polypref.errors import Undefined
from polypref.groups.table import NOT_SAID, Table
from polypref.inspection.counts import TurnedVotes, by_annotator, by_criterion
from polypref.inspection.findings import Alpha, Change, Cyclic, JudgmentKind, LengthBias, NamedCycle, Sides, SourceGame
from polypref.inspection.implied import implied_pairs
from polypref.statistics.intervals import clustered_share

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_Level = Literal["nominal", "ordinal"]

_PERMUTED = 20_000  # judgments that the permutation tests (camps, drift) look at; they are drawn at random
CERTAIN = 0.01  # level of the tests behind a recommendation; there are several of them


def pair_agreement(table: Table, pairs: TurnedVotes, seed: int) -> Alpha:
    """How far people agree on which response of a pair is better."""
    if not len(pairs.item):
        raise Undefined("there are no comparisons")
    # what one named annotator said of a pair is one voice, their mean: nobody agrees with themselves
    voice = by_annotator(table, pairs.item, table.comparison_annotator)
    unnamed = table.comparison_annotator == NOT_SAID
    voice[unnamed] = -1 - np.arange(unnamed.sum())
    _, first, voice = np.unique(voice, return_index=True, return_inverse=True)
    weight = np.bincount(voice, pairs.votes)
    share = np.bincount(voice, pairs.votes * pairs.share) / weight
    found = comparison_alpha(pairs.item[first], share, weight / np.bincount(voice), seed=seed)
    return _alpha(found, "nominal")


def rating_agreement(table: Table, seed: int) -> Alpha:
    """How far people agree on the label of a response."""
    if not len(table.label):
        raise Undefined("there are no ratings")
    level: _Level = "ordinal" if table.ordered else "nominal"
    item = by_criterion(table, table.rated, table.rating_criterion)
    found = krippendorff_alpha(item, table.label, table.rating_votes, level=level, seed=seed)
    return _alpha(found, level)


def _alpha(found: Agreement, level: _Level) -> Alpha:
    return Alpha(found.alpha, found.low, found.high, found.observed_agreement, found.items, level)


@dataclass(frozen=True)
class Items:
    """Single judgments by named annotators on items judged by several: what permutation tests look at."""

    item: Ints
    annotator: Ints
    value: Floats
    time: Floats
    what: JudgmentKind


def repeated_items(table: Table, pairs: TurnedVotes) -> Items:
    """What several people judged: ratings where there are any, since they say more, else votes on pairs."""
    if len(table.label) and table.ordered:
        item = by_criterion(table, table.rated, table.rating_criterion)
        number = np.array([float(label) for label in table.labels])[table.label]
        annotator, value, time = table.rating_annotator, number, table.rating_time
        what: JudgmentKind = "ratings"
    else:
        item = pairs.item
        annotator, value, time, what = table.comparison_annotator, pairs.share, table.comparison_time, "comparisons"
    if len(item):
        _, item = np.unique(item, return_inverse=True)
        kept = np.bincount(item)[item] >= 3
        item, annotator, value, time = item[kept], annotator[kept], value[kept], time[kept]
    return Items(item, annotator, value, time, what)


def _some(items: Items, usable: npt.NDArray[np.bool_], seed: int) -> npt.NDArray[np.bool_]:
    """Whole items, drawn at random, with about as many judgments as the permutation tests can afford."""
    if usable.sum() <= _PERMUTED:
        return usable
    rng = np.random.default_rng(seed)
    return usable & (rng.random(int(items.item.max()) + 1) < _PERMUTED / usable.sum())[items.item]


def camps(table: Table, items: Items, seed: int) -> Sides:
    """Whether annotators deviate from the common opinion together."""
    named = items.annotator != NOT_SAID
    if not named.any():
        raise Undefined("no three named annotators judged the same item")
    use = _some(items, named, seed)
    value = items.value
    if items.what == "ratings":  # severe and lenient annotators are no camps
        mean = np.bincount(items.annotator[use], value[use]) / np.maximum(np.bincount(items.annotator[use]), 1)
        value = value - mean[np.maximum(items.annotator, 0).clip(max=len(mean) - 1)]
    found = find_camps(items.item[use], items.annotator[use], value[use], false_alarm=CERTAIN, seed=seed)
    return Sides(
        detected=found.detected,
        p_value=found.p_value,
        smaller=found.smaller,
        opposition=found.opposition,
        annotators=len(found.annotators),
        by=items.what,
    )


def drift(table: Table, items: Items, seed: int) -> Change:
    """Whether opinion on the same items changed over time."""
    timed = np.isfinite(items.time)
    if not timed.any():
        raise Undefined("no item was judged three times at known times")
    use = _some(items, timed, seed)
    found = detect_drift(
        items.time[use], items.item[use], items.value[use], false_alarm=CERTAIN, permutations=199, seed=seed
    )
    return Change(found.detected, found.p_value, found.time, found.effect)


def within_prompts(table: Table, seed: int) -> Cyclic:
    """The cyclic share of the comparisons of each prompt under each criterion."""
    if not len(table.first):
        raise Undefined("there are no comparisons")
    group = by_criterion(table, table.group[table.first], table.comparison_criterion)
    found = _cyclic(group, table.first, table.second, table.share, table.votes, seed)
    named = table.comparison_annotator != NOT_SAID
    voice = by_annotator(table, group, table.comparison_annotator)[named]
    return replace(found, independent_votes=len(np.unique(voice)) == len(voice))


def between_sources(table: Table, seed: int) -> SourceGame:
    """Sources against each other, over all prompts: who beats whom, and whether that runs in circles."""
    a, b = table.source[table.first], table.source[table.second]
    known = (a != NOT_SAID) & (b != NOT_SAID) & (a != b)
    if not known.any():
        raise Undefined("no comparison is between two named sources")
    a, b, share, votes = a[known], b[known], table.share[known], table.votes[known]
    present, code = np.unique(np.concatenate([a, b]), return_inverse=True)
    a, b = np.split(code, 2)
    names = [table.sources[k] for k in present]
    preferences, counts = preference_matrix(a, b, share, votes, len(names))
    shares, why = None, None
    try:
        shares = _cyclic(np.zeros(len(a), np.int64), a, b, share, votes, seed)
    except Undefined as error:
        why = str(error)
    return SourceGame(
        names=names,
        preferences=preferences.tolist(),
        votes=counts.tolist(),
        connected=is_connected(preferences),
        win_rates=_win_rates(a, b, share, votes, names),
        cycles=[
            NamedCycle([names[m] for m in cycle.members], cycle.strength)
            for cycle in strongest_cycles(preferences, top=3)
        ],
        cyclic_share=shares,
        why=why,
    )


def _win_rates(a: Ints, b: Ints, share: Floats, votes: Floats, names: list[str]) -> dict[str, float]:
    """Share of all its votes that each source won, the best first."""
    won = np.bincount(a, votes * share, len(names)) + np.bincount(b, votes * (1 - share), len(names))
    rate = won / (np.bincount(a, votes, len(names)) + np.bincount(b, votes, len(names)))
    return {names[k]: float(rate[k]) for k in np.argsort(-rate, kind="stable")}


def _cyclic(group: Ints, a: Ints, b: Ints, share: Floats, votes: Floats, seed: int) -> Cyclic:
    found = cyclic_share(group, a, b, share, votes, seed=seed)
    return Cyclic(found.value, found.low, found.high, found.noise, found.noise_high, found.p_value, found.groups)


def length_bias(table: Table, prompts: Ints) -> LengthBias:
    """How often the longer response wins, and the odds it gains per doubling of length.

    `prompts` [groups] numbers the prompt of each group, since groups of one prompt are not independent.
    """
    first, second, share, votes = table.first, table.second, table.share, table.votes
    if not len(first):
        first, second, _, share = implied_pairs(table, table.rating_criterion)
        votes = np.ones(len(first))
    ratio = np.log2(table.length[first] / table.length[second])
    clear = (ratio != 0) & (share != 0.5)
    if not clear.any():
        raise Undefined("no two responses of different length were compared")
    first, ratio, share, votes = first[clear], ratio[clear], share[clear], votes[clear]
    longer = np.where(ratio > 0, share, 1 - share)
    value, low, high = clustered_share(longer * votes, votes, prompts[table.group[first]])
    return LengthBias(
        longer_wins=value,
        low=low,
        high=high,
        pairs=int(clear.sum()),
        odds_per_doubling=_odds_per_doubling(ratio, share, votes),
        by="comparisons" if len(table.first) else "ratings",
    )


def _odds_per_doubling(ratio: Floats, share: Floats, votes: Floats) -> float | None:
    """Logistic regression of the share on log₂ of the length ratio, without intercept; None if lengths separate."""
    slope = 0.0
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(slope * ratio, -30, 30)))
        step = float((votes * ratio * (share - p)).sum() / max((votes * ratio**2 * p * (1 - p)).sum(), 1e-12))
        slope += float(np.clip(step, -2, 2))
        if abs(step) < 1e-9:
            return math.exp(slope)
    return None
