"""How often two criteria or domains disagree on the pairs that both judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polypref.groups.pairs import pooled
from polypref.groups.table import Table
from polypref.inspection.implied import implied_pairs
from polypref.statistics.intervals import FEWEST_PROMPTS, clustered_share

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MATTERS = 0.05  # disagreement beyond that within one, below which two need no models of their own: 1 pair in 20
_SPLIT = 0.25  # disagreement of judges of the same pairs below which they agree well enough, whatever the noise
_FEW = 20  # pairs judged twice under one criterion below which they do not tell its noise


@dataclass(frozen=True)
class Conflict:
    """How often two criteria or domains would disagree on the same pair of responses."""

    kind: str  # "criterion" or "domain"
    a: str
    b: str
    disagree: float  # chance that a judge of each would disagree
    within: float | None  # the same for two judges of one: what noise alone gives
    low: float | None  # 95 % interval of `disagree`; None where there are too few prompts to claim one
    high: float | None
    pairs: int
    method: str  # "observed" on shared pairs, or "predicted" by tastes for surface features
    excess_low: float | None = None  # 95 % interval of `disagree` − `within`, if predicted
    excess_high: float | None = None

    @property
    def serious(self) -> bool:
        """Whether the two disagree by more than noise, and by enough to matter."""
        within = self.within if self.within is not None else 0.0
        if self.disagree - within < MATTERS or self.low is None:
            return False
        return self.excess_low > 0 if self.excess_low is not None else self.low > max(within, _SPLIT)


@dataclass(frozen=True)
class ContextVotes:
    """Pooled votes by pair of texts and context, to find pairs that several contexts judged."""

    item: Ints  # [V] pair of texts
    context: Ints  # [V]
    share: Floats  # [V] for the pair's lower hash
    votes: Floats  # [V]
    prompt: Ints  # [V] what belongs together when resampling

    @staticmethod
    def of(table: Table, texts: Ints, prompts: Ints, of_comparison: Ints, of_rating: Ints) -> ContextVotes:
        """The votes of a table, with the number of each response's text, of each group's prompt, and the contexts."""
        first, second, context, share = implied_pairs(table, of_rating)
        first, second = np.concatenate([table.first, first]), np.concatenate([table.second, second])
        context = np.concatenate([of_comparison, context])
        votes = np.concatenate([table.votes, np.ones(len(share))])
        share = np.concatenate([table.share, share])
        lower = texts[first] < texts[second]
        share = np.where(lower, share, 1 - share)
        one, two = np.where(lower, first, second), np.where(lower, second, first)
        _, item = np.unique(texts[one] * len(texts) + texts[two], return_inverse=True)
        width = int(context.max(initial=0)) + 2
        named = item * width + context + 1
        first_at, at, mean, total = pooled(named, share, votes)
        key = named[first_at]
        where = np.zeros(len(key), np.int64)
        where[at] = prompts[table.group[first]]
        item, context = np.divmod(key, width)
        return ContextVotes(item, context - 1, mean, total, where)

    def conflict(self, kind: str, name_a: str, name_b: str, a: int, b: int) -> Conflict | None:
        """The observed conflict of two contexts, None if they judged no pair in common."""
        in_a, in_b = self.context == a, self.context == b
        shared, at_a, at_b = np.intersect1d(self.item[in_a], self.item[in_b], assume_unique=True, return_indices=True)
        if not len(shared):
            return None
        p, q = self.share[in_a][at_a], self.share[in_b][at_b]
        disagree = p * (1 - q) + q * (1 - p)
        prompt = self.prompt[in_a][at_a]
        value, *interval = clustered_share(disagree, np.ones(len(p)), prompt)
        low, high = interval if len(np.unique(prompt)) >= FEWEST_PROMPTS else (None, None)
        within = [self._within(rows) for rows in (in_a, in_b)]
        known = [w for w in within if w is not None]
        noise = float(np.mean(known)) if known else None
        return Conflict(kind, name_a, name_b, value, noise, low, high, len(shared), "observed")

    def _within(self, rows: npt.NDArray[np.bool_]) -> float | None:
        several = rows & (self.votes >= 2 - 1e-9)
        n, p = self.votes[several], self.share[several]
        return float((2 * p * (1 - p) * n / (n - 1)).mean()) if len(n) >= _FEW else None
