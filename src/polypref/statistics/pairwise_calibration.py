"""Pairwise calibration of an ensemble: members weighed so that their votes split as people's do, no names needed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from polypref.errors import DataError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PairwiseCalibration:
    """How often each member should speak, and how far the votes of the whole are from those of people."""

    weights: Floats  # [members], from 0, of sum 1
    error: float  # mean over pairs of (Σ_m weight_m·vote_m − share)²
    even: float  # the same of equal weights


def calibrate_pairwise(
    votes: npt.ArrayLike, shares: npt.ArrayLike, counts: npt.ArrayLike | None = None
) -> PairwiseCalibration:
    """The weights with the least error (arXiv 2506.06298), for votes [members, n] and people's shares [n].

    A member votes 1 for the first response of a pair, 0 for the second, and ½ where it sees no difference; `counts` [n]
    are how much each pair counts. With Σw = 1 the error is a square ‖Cw‖², C = √counts·(votes − shares), and the w that
    minimises ‖Cw‖² + (Σw − 1)² from 0 on, scaled, minimises it: non-negative least squares.
    """
    V, p = np.asarray(votes, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    times = np.ones(len(p)) if counts is None else np.asarray(counts, dtype=np.float64)
    if V.ndim != 2 or 0 in V.shape or p.shape != V.shape[1:] or times.shape != p.shape:
        raise DataError(f"expected votes [members, n] and shares [n], got the shapes {V.shape} and {p.shape}")
    for name, values in (("votes", V), ("shares", p)):
        if not ((values >= 0) & (values <= 1)).all():
            raise DataError("expected numbers from 0 to 1", field=name)
    if not (np.isfinite(times) & (times > 0)).all():
        raise DataError("expected positive numbers of votes", field="counts")
    missed = (V - p) * np.sqrt(times / times.sum())  # [members, n]
    w, _ = nnls(np.vstack([missed.T, np.ones(len(V))]), np.append(np.zeros(len(p)), 1.0))
    weights = w / w.sum()
    even = np.full(len(V), 1 / len(V))
    return PairwiseCalibration(weights, *(float(((each @ missed) ** 2).sum()) for each in (weights, even)))
