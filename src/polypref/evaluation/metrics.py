"""How well predicted preferences agree with votes: accuracy, its ceiling, log loss, Brier score and AUC."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polypref.groups import pairs as votes_on_pairs
from polypref.statistics.resampling import Terms

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

TIE = 1e-9  # a probability or share this close to ½ prefers neither response
CLIP = 1e-12  # probabilities are kept this far from 0 and 1 in the log loss


@dataclass(frozen=True, slots=True, eq=False)
class JudgedPairs:
    """Pairs of responses with the votes on them, added up, and what was predicted; all arrays are [P].

    Which response of a pair is called the first is arbitrary, and every metric here is the same either way.
    """

    margin: Floats  # predicted probability that the first is preferred, less ½; exactly 0 for a tie
    share: Floats  # of the votes that preferred the first
    votes: Floats  # their number
    prompt: Ints  # what belongs together when resampling
    log_odds: Floats | None = None  # of the first; NaN where only the margin is known, which ends at ±½

    @staticmethod
    def pooled(
        pair: Ints, margin: Floats, share: Floats, votes: Floats, prompt: Ints, log_odds: Floats | None = None
    ) -> JudgedPairs:
        """Add up judgments [C] that name the same pair, in the same orientation."""
        first, _, mean, total = votes_on_pairs.pooled(pair, share, votes)
        predicted = margin[first]
        tied = np.abs(predicted) < TIE
        sure = None if log_odds is None else np.where(tied, 0.0, log_odds[first])
        return JudgedPairs(np.where(tied, 0.0, predicted), mean, total, prompt[first], sure)

    @property
    def decided(self) -> Flags:
        """Pairs with a majority: an even split is no evidence of which response is better."""
        return np.abs(self.share - 0.5) >= TIE

    @property
    def towards_majority(self) -> Floats:
        """The margin predicted for the response that most preferred; meaningless where there is no majority."""
        return np.where(self.share > 0.5, self.margin, -self.margin)

    @property
    def confidence(self) -> Floats:
        """Predicted probability of the response predicted to be preferred, from ½ to 1."""
        return 0.5 + np.abs(self.margin)

    @property
    def share_predicted(self) -> Floats:
        """Share of the votes for the response predicted to be preferred; ½ where a tie is predicted."""
        return np.where(self.margin > 0, self.share, np.where(self.margin < 0, 1 - self.share, 0.5))

    def __len__(self) -> int:
        return len(self.margin)


def accuracy(pairs: JudgedPairs) -> Terms:
    """Share of the pairs with a majority on which the prediction sides with it, each once; a predicted tie is ½."""
    right = 0.5 + 0.5 * np.sign(pairs.towards_majority)
    return Terms(np.where(pairs.decided, right, 0.0), pairs.decided.astype(np.float64))


def vote_accuracy(pairs: JudgedPairs) -> Terms:
    """Share of all votes that are on the predicted side; a predicted tie gets half of a pair's votes."""
    return Terms(pairs.votes * pairs.share_predicted, pairs.votes)


def ceiling(pairs: JudgedPairs) -> Terms:
    """The vote accuracy of siding with every majority: max(s, 1 − s) over all votes. No prediction can do better.

    It is exact for these votes; where pairs have few votes, it is above what could be reached on new votes.
    """
    return Terms(pairs.votes * np.maximum(pairs.share, 1 - pairs.share), pairs.votes)


def log_loss(pairs: JudgedPairs) -> Terms:
    """Mean over votes of −log of the probability predicted for the vote, −s·log q − (1 − s)·log(1 − q), in nats.

    With log-odds x, −log q = log(1 + exp(−x)), which no x is too large for.
    """
    q = np.clip(0.5 + pairs.margin, CLIP, 1 - CLIP)
    win, loss = -np.log(q), -np.log1p(-q)
    if pairs.log_odds is not None:
        known = np.isfinite(pairs.log_odds)
        x = np.where(known, pairs.log_odds, 0.0)
        win, loss = np.where(known, np.logaddexp(0, -x), win), np.where(known, np.logaddexp(0, x), loss)
    return Terms(pairs.votes * (pairs.share * win + (1 - pairs.share) * loss), pairs.votes)


def brier(pairs: JudgedPairs) -> Terms:
    """Mean over votes of (q − vote)², the vote being 0 or 1: s·(1 − q)² + (1 − s)·q² = (q − s)² + s·(1 − s)."""
    q = 0.5 + pairs.margin
    return Terms(pairs.votes * (pairs.share * (1 - q) ** 2 + (1 - pairs.share) * q**2), pairs.votes)


class SymmetricAuc:
    """Area under the ROC curve of the predicted log-odds for which response of a pair the majority prefers.

    Every pair with a majority enters once in each orientation, with margin m_a towards the majority as a positive and
    −m_a as a negative: AUC = mean over all a, b of [m_a > −m_b], ½ where equal. Since the larger of |m_a| and |m_b|
    decides the sign of m_a + m_b, sorting by |m| once gives AUC = Σ_a w_a·c_a·(B_a + E_a) / W² for any weights w, where
    c_a = 1, ½ or 0 for a right, tied or wrong prediction, B_a is the weight of all smaller |m| and E_a of all up to
    |m_a|: accuracy in which a pair counts the more, the more confident the prediction is against the others.
    Log-odds grow with probabilities, so margins order pairs as log-odds do.
    """

    def __init__(self, towards_majority: Floats) -> None:
        size = np.abs(towards_majority)
        self.order: Ints = np.argsort(size, kind="stable").astype(np.int64)  # [P]
        size = size[self.order]
        self._begin = np.searchsorted(size, size, side="left")
        self._end = np.searchsorted(size, size, side="right")
        self._credit = 0.5 + 0.5 * np.sign(towards_majority[self.order])

    def of(self, weight: Floats) -> float:
        """AUC when the pair at place k of `order` counts `weight[k]` times; NaN if all count zero times."""
        upto = np.concatenate([[0.0], np.cumsum(weight)])
        if upto[-1] == 0:
            return float("nan")
        return float((weight * self._credit) @ (upto[self._begin] + upto[self._end]) / upto[-1] ** 2)
