"""Metrics of whole groups: rankings against observed ones, best of n, cycles of majorities, and lengths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import comb

from polypref.evaluation import metrics
from polypref.evaluation.metrics import TIE, JudgedPairs
from polypref.groups.table import Table
from polypref.statistics.resampling import Bootstrap, Estimate, Terms

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

ALIKE = 1.2  # lengths of which neither is more than this many times the other
_RATIOS = (0.0, 0.5, 1 / ALIKE, ALIKE, 2.0, np.inf)  # of the preferred response's length to the other's
_EXPANDED = 2**21  # pairs of edges looked at together


@dataclass(frozen=True, slots=True)
class LengthBin:
    """Accuracy where the preferred response is between `low` and `high` times as long as the other."""

    low: float
    high: float | None  # None without a limit
    pairs: int
    accuracy: Estimate | None


@dataclass(frozen=True, slots=True)
class LengthScores:
    """How much of the accuracy length alone explains; see `length_scores`."""

    pairs: int  # of similar length
    alike: Estimate | None  # accuracy on them
    balanced: Estimate | None  # mean of the accuracies where the shorter and where the longer is preferred
    longer_wins: float  # accuracy of preferring whatever is longer
    bins: tuple[LengthBin, ...]


@dataclass(frozen=True, slots=True)
class CyclicScores:
    """Accuracy on triples of responses of which each is preferred to the next and the last to the first."""

    triples: int
    pairs: Estimate  # of their pairs; no utility gets more than 2/3
    whole: Estimate  # of the triples, all three pairs right; no utility gets any


@dataclass(frozen=True, slots=True)
class RankingScores:
    """How the predicted order of the responses of a group agrees with the observed one."""

    groups: int
    kendall: Estimate  # mean τ-b


@dataclass(frozen=True, slots=True)
class BestOf:
    """What choosing the response predicted best among n brings, in units of the observed quality."""

    n: int
    groups: int  # with at least n responses of known quality
    chosen: Estimate  # expected quality of the chosen one
    random: float  # of one chosen blindly
    oracle: float  # of the best of the n


def pairs_within(group: Ints) -> tuple[Ints, Ints]:
    """All pairs of places (first < second) that have the same code in the ascending array `group`."""
    starts, sizes = _runs(group)
    found = [
        (starts[sizes == k][:, None] + np.stack(np.triu_indices(k, 1))[:, None, :]).reshape(2, -1)
        for k in np.unique(sizes[sizes > 1]).tolist()
    ]
    first, second = np.concatenate(found, axis=1) if found else np.zeros((2, 0), np.int64)
    return first, second


def observed_quality(table: Table) -> Floats:
    """What people said of each response [N]: its mean rating, NaN where nobody gave a number."""
    if not table.ordered or not len(table.rated):
        return np.full(len(table.group), np.nan)
    values = np.array([float(label) for label in table.labels])
    votes = np.bincount(table.rated, table.rating_votes, len(table.group))
    total = np.bincount(table.rated, table.rating_votes * values[table.label], len(table.group))
    return np.divide(total, votes, out=np.full(len(votes), np.nan), where=votes > 0)


def observed_ranking(table: Table, quality: Floats) -> Floats:
    """Numbers [N] that order the responses of each group: `quality`, and in groups where fewer than two responses have
    one, the mean share of the votes that a response got in its comparisons (Borda), if three or more were compared."""
    n, groups = len(table.group), len(table.domain)
    votes = np.bincount(table.first, table.votes, n) + np.bincount(table.second, table.votes, n)
    won = np.bincount(table.first, table.votes * table.share, n)
    won += np.bincount(table.second, table.votes * (1 - table.share), n)
    borda = np.divide(won, votes, out=np.full(n, np.nan), where=votes > 0)
    rated = np.bincount(table.group, np.isfinite(quality), groups) >= 2
    compared = np.bincount(table.group, votes > 0, groups) >= 3
    return np.where(rated[table.group], quality, np.where(compared[table.group], borda, np.nan))


def kendall(score: Floats, observed: Floats, group: Ints) -> tuple[Floats, Ints]:
    """Kendall's τ-b between predicted and observed order within groups [H], and which groups these are [H].

    τ-b = Σ sign(Δu)·sign(Δo) / √(#{Δu ≠ 0}·#{Δo ≠ 0}) over the pairs of a group. Groups whose observed values are all
    equal have no order to find and are left out; a model that orders nothing in a group has 0 there.
    Reference: Kendall 1945, Biometrika 33.
    """
    known = np.flatnonzero(np.isfinite(score) & np.isfinite(observed))
    first, second = (known[side] for side in pairs_within(group[known]))
    predicted = np.sign(score[first] - score[second])
    gap = observed[first] - observed[second]
    true = np.where(np.abs(gap) < TIE, 0.0, np.sign(gap))
    groups = int(group.max()) + 1 if len(group) else 0
    agree, said, ordered = (
        np.bincount(group[first], values, groups) for values in (predicted * true, predicted**2, true**2)
    )
    has = np.flatnonzero(ordered > 0)
    return agree[has] / np.sqrt(np.maximum(said[has], 1) * ordered[has]), has.astype(np.int64)


def best_of(score: Floats, quality: Floats, group: Ints, n: int) -> tuple[Floats, Floats, Floats, Ints]:
    """For each group [H] with at least n responses of known quality: the expected quality of the response that scores
    highest among n drawn without replacement, the mean quality, the expected quality of the best of n; and the group.

    The response of rank r among K is the best of n with chance C(K − r, n − 1)/C(K, n), so the mean over all draws is a
    weighted sum; equal scores share their places.
    Reference: Nakano et al. 2021 (arXiv 2112.09332), appendix, for the estimator without simulation.
    """
    known = np.flatnonzero(np.isfinite(score) & np.isfinite(quality))
    starts, sizes = _runs(group[known])
    parts: list[tuple[Floats, Floats, Floats, Ints]] = []
    for k in np.unique(sizes[sizes >= max(n, 2)]).tolist():
        rows = known[starts[sizes == k][:, None] + np.arange(k)]  # [H, K]
        chance = comb(k - np.arange(1, k + 1), n - 1) / comb(k, n)  # [K] by rank
        by_score = _averaged_over_ties(score[rows], quality[rows])
        by_quality = -np.sort(-quality[rows], axis=1)
        parts.append((by_score @ chance, quality[rows].mean(axis=1), by_quality @ chance, group[rows[:, 0]]))
    if not parts:
        return np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0, np.int64)
    chosen, random, oracle, of = (np.concatenate(column) for column in zip(*parts))
    return chosen, random, oracle, of


def best_of_curve(score: Floats, quality: Floats, group: Ints, prompt: Ints, **settings: int) -> tuple[BestOf, ...]:
    """`best_of` for n = 1, 2, 4, 8, … as far as groups reach; `settings` are those of `Bootstrap`."""
    curve: list[BestOf] = []
    n = 1
    while True:
        chosen, random, oracle, of = best_of(score, quality, group, n)
        if not len(of):
            return tuple(curve)
        found = Bootstrap(prompt[of], **settings).estimates({"chosen": Terms(chosen, np.ones(len(of)))})["chosen"]
        assert found is not None
        curve.append(BestOf(n, len(of), found, float(random.mean()), float(oracle.mean())))
        n *= 2


def cyclic_triples(first: Ints, second: Ints, share: Floats) -> tuple[Ints, Ints, Ints]:
    """The pairs [T] that make up each cyclic triple: a beats b, b beats c and c beats a, by majority of the votes.

    Pairs are of responses numbered through all groups, each given once; those with even votes are in no cycle.
    """
    decided = np.flatnonzero(np.abs(share - 0.5) >= TIE)
    winner = np.where(share > 0.5, first, second)[decided]
    loser = np.where(share > 0.5, second, first)[decided]
    order = np.argsort(winner, kind="stable")
    decided, winner, loser = decided[order], winner[order], loser[order]
    size = int(max(winner.max(), loser.max())) + 1 if len(decided) else 1
    code = winner * size + loser
    by_code = np.argsort(code)
    begin = np.searchsorted(winner, loser, side="left")
    count = np.searchsorted(winner, loser, side="right") - begin  # edges that go on from each edge
    found: list[tuple[Ints, Ints, Ints]] = []
    for edges in _slices(count):
        one = np.repeat(edges, count[edges])
        offset = np.arange(len(one)) - np.repeat(np.cumsum(count[edges]) - count[edges], count[edges])
        two = begin[one] + offset
        closing = loser[two] * size + winner[one]
        at = np.minimum(np.searchsorted(code, closing, sorter=by_code), len(code) - 1)
        three = by_code[at]
        closes = (code[three] == closing) & (winner[one] < loser[one]) & (winner[one] < loser[two])  # smallest first
        found.append((decided[one[closes]], decided[two[closes]], decided[three[closes]]))
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64)
    one, two, three = (np.concatenate(column) for column in zip(*found))
    return one, two, three


def cyclic_scores(pairs: JudgedPairs, first: Ints, second: Ints, **settings: int) -> CyclicScores | None:
    """Accuracy on the pairs of cyclic triples, and on the triples as a whole; None if no majorities cycle.

    Any utilities order three responses, and so get at most two of the three pairs right. With few votes on each pair
    cycles also come about by chance. Reference for the task: Zhang et al. 2024 (arXiv 2410.02197).
    """
    triples = cyclic_triples(first, second, pairs.share)
    if not len(triples[0]):
        return None
    right = 0.5 + 0.5 * np.sign(pairs.towards_majority)
    each = np.stack([right[edge] for edge in triples])  # [3, T]
    ones = np.ones(each.shape[1])
    terms = {"pairs": Terms(each.mean(axis=0), ones), "whole": Terms((each.min(axis=0) == 1).astype(np.float64), ones)}
    bootstrap = Bootstrap(pairs.prompt[triples[0]], **settings)
    found = {name: bootstrap.widened(one, terms[name]) for name, one in bootstrap.estimates(terms).items()}
    by_pairs, whole = found["pairs"], found["whole"]
    assert by_pairs is not None
    assert whole is not None
    return CyclicScores(each.shape[1], by_pairs, whole)


def length_scores(pairs: JudgedPairs, length: Ints, other: Ints, **settings: int) -> LengthScores | None:
    """Accuracy where length is no help; `length` and `other` [P] are those of the first and second response.

    Pairs of similar length are those of which the longer is at most 1.2 times as long; `balanced` weighs pairs that go
    to the shorter response as much as those that go to the longer one, so that preferring length gets ½.
    None without a majority. For another way to control for length, see Dubois et al. 2024 (arXiv 2404.04475).
    """
    decided = pairs.decided
    if not decided.any():
        return None
    preferred, rest = np.where(pairs.share > 0.5, length, other), np.where(pairs.share > 0.5, other, length)
    ratio = preferred / np.maximum(rest, 1)
    accuracy = metrics.accuracy(pairs)
    bootstrap = Bootstrap(pairs.prompt, **settings)
    alike = alike_in_length(length, other)
    code = np.where(alike, 2, np.searchsorted(_RATIOS[1:-1], ratio, side="right"))
    parts = {"alike": alike, **{str(b): code == b for b in range(len(_RATIOS) - 1)}}
    terms = {name: Terms(accuracy.top * part, accuracy.bottom * part) for name, part in parts.items()}
    found = {name: bootstrap.widened(one, terms[name]) for name, one in bootstrap.estimates(terms).items()}
    return LengthScores(
        pairs=int((decided & alike).sum()),
        alike=found["alike"],
        balanced=_balanced(accuracy, ratio, bootstrap),
        longer_wins=float((0.5 + 0.5 * np.sign(preferred - rest))[decided].mean()),
        bins=tuple(
            LengthBin(
                _RATIOS[b],
                None if np.isinf(_RATIOS[b + 1]) else _RATIOS[b + 1],
                int((decided & (code == b)).sum()),
                found[str(b)],
            )
            for b in range(len(_RATIOS) - 1)
        ),
    )


def alike_in_length(length: Ints, other: Ints) -> npt.NDArray[np.bool_]:
    """Whether the longer of two is at most 1.2 times as long as the shorter."""
    return np.maximum(length, other) <= ALIKE * np.minimum(length, other) + TIE


def _balanced(accuracy: Terms, ratio: Floats, bootstrap: Bootstrap) -> Estimate | None:
    columns = [bootstrap.total(part * side) for side in (ratio < 1, ratio > 1) for part in accuracy]  # [U] × 4
    sums = np.stack(columns, axis=1)
    if not (sums.sum(axis=0)[[1, 3]] > 0).all():
        return None
    value = float(_mean_of_ratios(sums.sum(axis=0)[None])[0])
    if bootstrap.units < 2:
        return Estimate(value)
    return bootstrap.estimate(value, _mean_of_ratios(bootstrap.sums(sums)))


def _mean_of_ratios(sums: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return (sums[:, 0] / sums[:, 1] + sums[:, 2] / sums[:, 3]) / 2


def _averaged_over_ties(score: Floats, quality: Floats) -> Floats:
    """Quality [H, K] in the order of the scores, best first; equal scores share the mean of their qualities."""
    order = np.argsort(-score, axis=1, kind="stable")
    score, quality = np.take_along_axis(score, order, 1), np.take_along_axis(quality, order, 1)
    new = np.ones(score.shape, dtype=bool)
    new[:, 1:] = score[:, 1:] != score[:, :-1]
    run = np.cumsum(new.ravel()) - 1  # every row begins a run
    return (np.bincount(run, quality.ravel()) / np.bincount(run))[run].reshape(quality.shape)


def _runs(group: Ints) -> tuple[Ints, Ints]:
    """Where each run of equal codes starts, and how long it is."""
    _, starts, sizes = np.unique(group, return_index=True, return_counts=True)
    return starts.astype(np.int64), sizes.astype(np.int64)


def _slices(count: Ints) -> Iterator[Ints]:
    """The edges in portions that go on to about as many edges as are looked at together."""
    portion = np.cumsum(count) // _EXPANDED
    edges = np.flatnonzero(count > 0)
    for part in np.unique(portion[edges]).tolist():
        yield edges[portion[edges] == part]
