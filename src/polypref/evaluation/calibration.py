"""Whether predicted probabilities mean what they say: equal-mass bins and the expected calibration error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polypref.evaluation.metrics import JudgedPairs
from polypref.evaluation.resampling import Bootstrap, Estimate

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_MOST_BINS = 15
_PAIRS_PER_BIN = 20  # on average; fewer bins where there are fewer pairs


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Predictions of similar confidence: what they said, and how the votes fell."""

    confidence: float  # mean predicted probability of the predicted side, from ½ to 1
    share: float  # of the votes on the predicted side
    votes: float
    pairs: int


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """The expected calibration error, and how much of one noise alone gives."""

    ece: Estimate
    noise: float | None  # None without an interval


def bin_by_confidence(pairs: JudgedPairs) -> Ints:
    """The bin of each pair [P]: at most 15 of about equal votes, and at least about 20 pairs in each.

    Equal confidences share a bin, whichever way their pairs are sorted: the one that the middle of their votes is in.
    """
    bins = int(np.clip(len(pairs) // _PAIRS_PER_BIN, 1, _MOST_BINS))
    _, level = np.unique(pairs.confidence, return_inverse=True)
    mass = np.bincount(level, pairs.votes)
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    return np.minimum((middle * bins).astype(np.int64), bins - 1)[level]


def calibration_bins(pairs: JudgedPairs) -> tuple[CalibrationBin, ...]:
    """The bins from the least to the most confident."""
    code = bin_by_confidence(pairs)
    votes = np.bincount(code, pairs.votes)
    confidence = np.bincount(code, pairs.votes * pairs.confidence)
    share = np.bincount(code, pairs.votes * pairs.share_predicted)
    count = np.bincount(code)
    return tuple(
        CalibrationBin(float(confidence[b] / votes[b]), float(share[b] / votes[b]), float(votes[b]), int(count[b]))
        for b in np.flatnonzero(count)
    )


def calibration_error(pairs: JudgedPairs, bootstrap: Bootstrap) -> CalibrationError | None:
    """Expected calibration error, Σ_b |votes·(mean confidence − share of votes on the predicted side)|_b / all votes.

    The two orientations of a pair say the same, so confidence is that of the predicted side. Noise in the votes adds to
    the error, since it is a sum of absolute values: `noise` is what a calibrated model would show. Resampling adds that
    noise once more, so percentiles are too high from below. The interval goes from the reflected end 2·ece − q_97.5, or
    0 if noise alone gives as much in 2.5 % of resamples, to q_97.5; simulations of 100 to 2,000 pairs show it to cover
    the true error 93 to 98 times in 100. The bins are those of the full data.
    Reference for equal-mass bins: Nguyen and O'Connor 2015, EMNLP.
    """
    if not len(pairs):
        return None
    code = bin_by_confidence(pairs)
    bins = int(code.max()) + 1
    gap, votes = pairs.votes * (pairs.confidence - pairs.share_predicted), float(pairs.votes.sum())
    gaps = np.bincount(code, gap) / votes  # [B]
    value = float(np.abs(gaps).sum())
    if bootstrap.units < 2:
        return CalibrationError(Estimate(value), None)
    by_unit = np.bincount(bootstrap.unit * bins + code, gap, bootstrap.units * bins).reshape(-1, bins)  # [U, B]
    sums = bootstrap.sums(np.column_stack([by_unit, bootstrap.total(pairs.votes)]))  # [R, B + 1]
    resampled = sums[:, :-1] / sums[:, -1:]
    noise = np.abs(resampled - gaps).sum(axis=1)
    low, high = np.quantile(np.abs(resampled).sum(axis=1), [0.025, 0.975])
    certain = value > np.quantile(noise, 0.975)
    low = max(min(low, 2 * value - high, value), 0.0) if certain else 0.0
    return CalibrationError(Estimate(value, float(low), float(max(high, value))), float(noise.mean()))
