"""Intervals for shares whose observations come in clusters (the comparisons of one prompt)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

_Z = 1.959963984540054  # 95 %
FEWEST_PROMPTS = 10  # below which two sets of judgments are not compared: their spread over prompts is not known


def clustered_share(
    numerator: npt.NDArray[np.float64], denominator: npt.NDArray[np.float64], cluster: npt.NDArray[np.int64]
) -> tuple[float, float, float]:
    """Σ numerator / Σ denominator, a share in [0, 1], with a 95 % interval that takes clusters as independent.

    The standard error is the linearised one of a ratio of cluster sums; the number of independent votes that would
    have it goes into Wilson's score interval, which stays inside [0, 1]. An error that was itself estimated from few
    clusters takes Student's quantile in the place of the normal one. Arguments are [N].
    """
    _, code = np.unique(cluster, return_inverse=True)
    top, bottom = np.bincount(code, numerator), np.bincount(code, denominator)
    total, clusters = bottom.sum(), len(bottom)
    share = float(top.sum() / total)
    residual = top - share * bottom
    variance = float((residual**2).sum() / total**2) * clusters / max(clusters - 1, 1)
    spread = share * (1 - share)
    if variance == 0 or spread == 0 or clusters == 1:
        return share, *wilson(share, clusters)
    return share, *wilson(share, min(spread / variance, len(numerator)), float(stdtrit(clusters - 1, 0.975)))


def wilson(share: float, votes: float, z: float = _Z) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share of so many independent votes; it stays inside [0, 1]."""
    effective, spread = max(votes, 1.0), share * (1 - share)
    centre = (share + z**2 / (2 * effective)) / (1 + z**2 / effective)
    half = z * np.sqrt(spread / effective + z**2 / (4 * effective**2)) / (1 + z**2 / effective)
    return float(max(centre - half, 0.0)), float(min(centre + half, 1.0))
