"""What an inspection measures on the table of judgments: one function per line of the screen, each a plain dict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from polypref.choice import CyclicShare, cyclic_share, is_connected, preference_matrix, strongest_cycles
from polypref.crowd import Agreement, comparison_alpha, detect_drift, find_camps, krippendorff_alpha
from polypref.errors import Undefined
from polypref.groups.pairs import pooled, turned
from polypref.groups.table import NOT_SAID, Table
from polypref.statistics.intervals import clustered_share

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_PERMUTED = 20_000  # judgments that the permutation tests (camps, drift) look at; they are drawn at random
CERTAIN = 0.01  # level of the tests behind a recommendation; there are several of them


@dataclass(frozen=True)
class PairVotes:
    """Comparisons turned so that the lower-numbered response comes first, and the pair each belongs to.

    A pair is one of two responses under one criterion: who was asked another question judged another pair.
    """

    item: Ints  # [C]
    share: Floats  # [C], of the lower-numbered response
    votes: Floats  # [C]
    total: Floats  # [P] votes on the pair
    pooled: Floats  # [P] their share for the lower-numbered response

    @staticmethod
    def of(table: Table) -> PairVotes:
        """The pairs of a table."""
        low, high, share = turned(table.first, table.second, table.share)
        pair = low * (len(table.group) + 1) + high
        _, item, mean, total = pooled(_by_criterion(table, pair, table.comparison_criterion), share, table.votes)
        return PairVotes(item, share, table.votes, total, mean)


def sizes(table: Table) -> dict[str, Any]:
    """How large groups and responses are, and how judgments spread over domains and criteria."""
    per_group = np.bincount(table.group, minlength=len(table.domain))
    domains = np.bincount(table.domain + 1, minlength=len(table.domains) + 1)[1:]
    criteria = np.bincount(
        np.concatenate([table.comparison_criterion, table.rating_criterion]) + 1, minlength=len(table.criteria) + 1
    )[1:]
    return {
        "responses_per_group": _spread(per_group),
        "characters_per_response": _spread(table.length),
        "domains": dict(zip(table.domains, domains.tolist())),
        "criteria": dict(zip(table.criteria, criteria.tolist())),
        "sources": len(table.sources),
    }


def vote_counts(table: Table, pairs: PairVotes) -> dict[str, Any]:
    """How often pairs and responses were judged, and by how busy annotators."""
    item = _by_criterion(table, table.rated, table.rating_criterion)
    rated, counts = np.unique(item, return_inverse=True)
    judged = np.concatenate([table.comparison_annotator, table.rating_annotator])
    return {
        "pairs": len(pairs.total),
        "per_pair": _spread(pairs.total),
        "pairs_judged_again": int((pairs.total > 1).sum()),
        "majority_shares": _majority_histogram(pairs),
        "rated": len(rated),
        "per_rated": _spread(np.bincount(counts, table.rating_votes, len(rated))),
        "per_annotator": _spread(np.bincount(judged[judged != NOT_SAID])),
    }


def _majority_histogram(pairs: PairVotes) -> list[int]:
    """Pairs with three votes or more, counted by the share of the majority, in ten bins from ½ to 1."""
    majority = np.maximum(pairs.pooled, 1 - pairs.pooled)[pairs.total >= 3]
    counts: list[int] = np.histogram(majority, bins=10, range=(0.5, 1.0))[0].tolist()
    return counts


def _spread(values: npt.NDArray[Any]) -> dict[str, float] | None:
    if not len(values):
        return None
    return {"min": float(values.min()), "median": float(np.median(values)), "max": float(values.max())}


def contradictions(table: Table, pairs: PairVotes) -> dict[str, int]:
    """Pairs with a vote at least in each direction, behind shares or single, and annotators who took both sides."""
    decided = np.where(pairs.share == 0.5, 0.0, pairs.votes)
    up, down = (
        np.bincount(pairs.item, decided * share, len(pairs.total)) >= 1 - 1e-9
        for share in (pairs.share, 1 - pairs.share)
    )
    named = table.comparison_annotator != NOT_SAID
    voice = _by_annotator(table, pairs.item, table.comparison_annotator)
    both = np.intersect1d(voice[named & (pairs.share > 0.5)], voice[named & (pairs.share < 0.5)])
    return {"pairs": int((up & down).sum()), "by_one_annotator": len(both)}


def _by_criterion(table: Table, what: Ints, criterion: Ints) -> Ints:
    # people who were asked different questions do not disagree by answering differently
    return what * (len(table.criteria) + 1) + criterion + 1


def _by_annotator(table: Table, what: Ints, annotator: Ints) -> Ints:
    return what * (len(table.annotators) + 1) + annotator + 1


def pair_agreement(table: Table, pairs: PairVotes, seed: int) -> dict[str, Any]:
    """How far people agree on which response of a pair is better."""
    if not len(pairs.item):
        raise Undefined("there are no comparisons")
    # what one named annotator said of a pair is one voice, their mean: nobody agrees with themselves
    voice = _by_annotator(table, pairs.item, table.comparison_annotator)
    unnamed = table.comparison_annotator == NOT_SAID
    voice[unnamed] = -1 - np.arange(unnamed.sum())
    _, first, voice = np.unique(voice, return_index=True, return_inverse=True)
    weight = np.bincount(voice, pairs.votes)
    share = np.bincount(voice, pairs.votes * pairs.share) / weight
    found = comparison_alpha(pairs.item[first], share, weight / np.bincount(voice), seed=seed)
    return _agreement_dict(found, "nominal")


def rating_agreement(table: Table, seed: int) -> dict[str, Any]:
    """How far people agree on the label of a response."""
    if not len(table.label):
        raise Undefined("there are no ratings")
    level = "ordinal" if table.ordered else "nominal"
    item = _by_criterion(table, table.rated, table.rating_criterion)
    found = krippendorff_alpha(item, table.label, table.rating_votes, level=level, seed=seed)  # type: ignore[arg-type]
    return _agreement_dict(found, level)


def _agreement_dict(found: Agreement, level: str) -> dict[str, Any]:
    return {
        "alpha": found.alpha,
        "low": found.low,
        "high": found.high,
        "observed": found.observed_agreement,
        "items": found.items,
        "level": level,
    }


@dataclass(frozen=True)
class Items:
    """Single judgments by named annotators on items judged by several: what permutation tests look at."""

    item: Ints
    annotator: Ints
    value: Floats
    time: Floats
    what: str  # "ratings" or "comparisons"


def repeated_items(table: Table, pairs: PairVotes) -> Items:
    """What several people judged: ratings where there are any, since they say more, else votes on pairs."""
    if len(table.label) and table.ordered:
        item = _by_criterion(table, table.rated, table.rating_criterion)
        number = np.array([float(label) for label in table.labels])[table.label]
        annotator, value, time, what = table.rating_annotator, number, table.rating_time, "ratings"
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


def camps(table: Table, items: Items, seed: int) -> dict[str, Any]:
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
    return {
        "detected": found.detected,
        "p_value": found.p_value,
        "smaller": found.smaller,
        "opposition": found.opposition,
        "annotators": len(found.annotators),
        "by": items.what,
    }


def drift(table: Table, items: Items, seed: int) -> dict[str, Any]:
    """Whether opinion on the same items changed over time."""
    timed = np.isfinite(items.time)
    if not timed.any():
        raise Undefined("no item was judged three times at known times")
    use = _some(items, timed, seed)
    found = detect_drift(
        items.time[use], items.item[use], items.value[use], false_alarm=CERTAIN, permutations=199, seed=seed
    )
    return {"detected": found.detected, "p_value": found.p_value, "time": found.time, "effect": found.effect}


def within_prompts(table: Table, seed: int) -> dict[str, Any]:
    """The cyclic share of the comparisons of each prompt under each criterion."""
    if not len(table.first):
        raise Undefined("there are no comparisons")
    group = _by_criterion(table, table.group[table.first], table.comparison_criterion)
    found = cyclic_share(group, table.first, table.second, table.share, table.votes, seed=seed)
    named = table.comparison_annotator != NOT_SAID
    voice = _by_annotator(table, group, table.comparison_annotator)[named]
    return _cyclic_dict(found) | {"independent_votes": len(np.unique(voice)) == len(voice)}


def between_sources(table: Table, seed: int) -> dict[str, Any]:
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
    result: dict[str, Any] = {
        "names": names,
        "preferences": preferences.tolist(),
        "votes": counts.tolist(),
        "connected": is_connected(preferences),
        "win_rates": _win_rates(a, b, share, votes, names),
        "cycles": [
            {"members": [names[m] for m in cycle.members], "strength": cycle.strength}
            for cycle in strongest_cycles(preferences, top=3)
        ],
    }
    try:
        zero = np.zeros(len(a), np.int64)
        result["cyclic_share"] = _cyclic_dict(cyclic_share(zero, a, b, share, votes, seed=seed))
    except Undefined as error:
        result["cyclic_share"] = None
        result["why"] = str(error)
    return result


def _win_rates(a: Ints, b: Ints, share: Floats, votes: Floats, names: list[str]) -> dict[str, float]:
    """Share of all its votes that each source won, the best first."""
    won = np.bincount(a, votes * share, len(names)) + np.bincount(b, votes * (1 - share), len(names))
    rate = won / (np.bincount(a, votes, len(names)) + np.bincount(b, votes, len(names)))
    return {names[k]: float(rate[k]) for k in np.argsort(-rate, kind="stable")}


def _cyclic_dict(found: CyclicShare) -> dict[str, Any]:
    return {
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "noise": found.noise,
        "noise_high": found.noise_high,
        "p_value": found.p_value,
        "groups": found.groups,
    }


def implied_pairs(table: Table, criterion: Ints) -> tuple[Ints, Ints, Ints, Floats]:
    """Neighbouring responses of a group that one criterion rates differently: (low, high, criterion, share for low)."""
    if not len(table.label) or not table.ordered:
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, nothing, np.zeros(0)
    value = np.array([float(label) for label in table.labels])[table.label]
    width = len(table.group)
    key, at = np.unique((criterion + 1) * width + table.rated, return_inverse=True)
    mean = np.bincount(at, value * table.rating_votes) / np.bincount(at, table.rating_votes)
    context, response = np.divmod(key, width)
    neighbours = (np.diff(context) == 0) & (np.diff(response) == 1) & (np.diff(table.group[response]) == 0)
    differ = np.flatnonzero(neighbours & (np.abs(np.diff(mean)) > 1e-12))
    return response[differ], response[differ + 1], context[differ] - 1, (mean[differ] > mean[differ + 1]).astype(float)


def length_bias(table: Table, prompts: Ints) -> dict[str, Any]:
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
    return {
        "longer_wins": value,
        "low": low,
        "high": high,
        "pairs": int(clear.sum()),
        "odds_per_doubling": _odds_per_doubling(ratio, share, votes),
        "by": "comparisons" if len(table.first) else "ratings",
    }


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


def label_histogram(table: Table) -> dict[str, float]:
    """How often each label was given, lowest label first."""
    counts = np.bincount(table.label, table.rating_votes, len(table.labels))
    return {str(label): float(count) for label, count in zip(table.labels, counts)}
