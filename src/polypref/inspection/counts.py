"""What an inspection counts on the table of judgments: sizes, votes, contradictions, labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polypref.groups.pairs import pooled, turned
from polypref.groups.table import NOT_SAID, Table
from polypref.inspection.findings import Contradictions, Sizes, Spread, Votes

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TurnedVotes:
    """Comparisons turned so that the lower-numbered response comes first, and the pair each belongs to.

    A pair is one of two responses under one criterion: who was asked another question judged another pair.
    """

    item: Ints  # [C]
    share: Floats  # [C], of the lower-numbered response
    votes: Floats  # [C]
    total: Floats  # [P] votes on the pair
    pooled: Floats  # [P] their share for the lower-numbered response

    @staticmethod
    def of(table: Table) -> TurnedVotes:
        """The pairs of a table."""
        low, high, share = turned(table.first, table.second, table.share)
        pair = low * (len(table.group) + 1) + high
        _, item, mean, total = pooled(by_criterion(table, pair, table.comparison_criterion), share, table.votes)
        return TurnedVotes(item, share, table.votes, total, mean)


def by_criterion(table: Table, what: Ints, criterion: Ints) -> Ints:
    """Numbers of what was judged under which criterion: who was asked another question does not contradict anybody."""
    return what * (len(table.criteria) + 1) + criterion + 1


def by_annotator(table: Table, what: Ints, annotator: Ints) -> Ints:
    """Numbers of what was judged by whom."""
    return what * (len(table.annotators) + 1) + annotator + 1


def sizes(table: Table) -> Sizes:
    """How large groups and responses are, and how judgments spread over domains and criteria."""
    per_group = np.bincount(table.group, minlength=len(table.domain))
    domains = np.bincount(table.domain + 1, minlength=len(table.domains) + 1)[1:]
    criteria = np.bincount(
        np.concatenate([table.comparison_criterion, table.rating_criterion]) + 1, minlength=len(table.criteria) + 1
    )[1:]
    return Sizes(
        responses_per_group=_spread(per_group),
        characters_per_response=_spread(table.length),
        domains=dict(zip(table.domains, domains.tolist())),
        criteria=dict(zip(table.criteria, criteria.tolist())),
        sources=len(table.sources),
    )


def vote_counts(table: Table, pairs: TurnedVotes) -> Votes:
    """How often pairs and responses were judged, and by how busy annotators."""
    item = by_criterion(table, table.rated, table.rating_criterion)
    rated, counts = np.unique(item, return_inverse=True)
    judged = np.concatenate([table.comparison_annotator, table.rating_annotator])
    return Votes(
        pairs=len(pairs.total),
        per_pair=_spread(pairs.total),
        pairs_judged_again=int((pairs.total > 1).sum()),
        majority_shares=_majority_histogram(pairs),
        rated=len(rated),
        per_rated=_spread(np.bincount(counts, table.rating_votes, len(rated))),
        per_annotator=_spread(np.bincount(judged[judged != NOT_SAID])),
    )


def _majority_histogram(pairs: TurnedVotes) -> list[int]:
    """Pairs with three votes or more, counted by the share of the majority, in ten bins from ½ to 1."""
    majority = np.maximum(pairs.pooled, 1 - pairs.pooled)[pairs.total >= 3]
    counts: list[int] = np.histogram(majority, bins=10, range=(0.5, 1.0))[0].tolist()
    return counts


def _spread(values: Ints | Floats) -> Spread | None:
    if not len(values):
        return None
    return Spread(float(values.min()), float(np.median(values)), float(values.max()))


def contradictions(table: Table, pairs: TurnedVotes) -> Contradictions:
    """Pairs with a vote at least in each direction, behind shares or single, and annotators who took both sides."""
    decided = np.where(pairs.share == 0.5, 0.0, pairs.votes)
    up, down = (
        np.bincount(pairs.item, decided * share, len(pairs.total)) >= 1 - 1e-9
        for share in (pairs.share, 1 - pairs.share)
    )
    named = table.comparison_annotator != NOT_SAID
    voice = by_annotator(table, pairs.item, table.comparison_annotator)
    both = np.intersect1d(voice[named & (pairs.share > 0.5)], voice[named & (pairs.share < 0.5)])
    return Contradictions(int((up & down).sum()), len(both))


def label_histogram(table: Table) -> dict[str, float]:
    """How often each label was given, lowest label first."""
    counts = np.bincount(table.label, table.rating_votes, len(table.labels))
    return {str(label): float(count) for label, count in zip(table.labels, counts)}
