"""Intervals for shares whose observations come in clusters (the comparisons of one prompt)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_Z = 1.959963984540054  # 95 %


def clustered_share(
    numerator: npt.NDArray[np.float64], denominator: npt.NDArray[np.float64], cluster: npt.NDArray[np.int64]
) -> tuple[float, float, float]:
    """Σ numerator / Σ denominator, a share in [0, 1], with a 95 % interval that takes clusters as independent.

    The standard error is the linearised one of a ratio of cluster sums; the number of independent votes that would
    have it goes into Wilson's score interval, which stays inside [0, 1]. Arguments are [N].
    """
    _, code = np.unique(cluster, return_inverse=True)
    top, bottom = np.bincount(code, numerator), np.bincount(code, denominator)
    total, clusters = bottom.sum(), len(bottom)
    share = float(top.sum() / total)
    residual = top - share * bottom
    variance = float((residual**2).sum() / total**2) * clusters / max(clusters - 1, 1)
    spread = share * (1 - share)
    effective = min(spread / variance, len(numerator)) if variance > 0 and spread > 0 else float(clusters)
    return share, *wilson(share, effective)


def wilson(share: float, votes: float) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share of so many independent votes; it stays inside [0, 1]."""
    effective, spread = max(votes, 1.0), share * (1 - share)
    centre = (share + _Z**2 / (2 * effective)) / (1 + _Z**2 / effective)
    half = _Z * np.sqrt(spread / effective + _Z**2 / (4 * effective**2)) / (1 + _Z**2 / effective)
    return float(max(centre - half, 0.0)), float(min(centre + half, 1.0))
