"""What a crowd's distribution over labels is worth: its mean, a quantile, or the mean of those who like it least."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

Floats = npt.NDArray[np.float64]


def expected_label(opinions: npt.ArrayLike, labels: Sequence[float]) -> Floats:
    """The mean label of opinions `[..., d]` → `[...]`."""
    return np.asarray(opinions, dtype=np.float64) @ np.asarray(labels, dtype=np.float64)


def label_quantile(opinions: npt.ArrayLike, labels: Sequence[float], share: float) -> Floats:
    """The label that at least a share of the crowd is at or below, the lowest such: `[..., d]` → `[...]`.

    `labels` rise. Steps from label to label; rounding of the cumulated probabilities (1e-9) is forgiven.
    """
    _check_share(share)
    reached = np.cumsum(np.asarray(opinions, dtype=np.float64), axis=-1) >= share - 1e-9
    reached[..., -1] = True
    return np.asarray(labels, dtype=np.float64)[reached.argmax(axis=-1)]


def lower_tail(opinions: npt.ArrayLike, labels: Sequence[float], share: float) -> Floats:
    """The mean label among the share of the crowd that likes a response least: `[..., d]` → `[...]`.

    The conditional value at risk: it falls from the mean (share 1) to the lowest label given (share → 0), and is high
    where nobody is badly served. `labels` rise.
    """
    _check_share(share)
    p = np.asarray(opinions, dtype=np.float64)
    below = np.cumsum(p, axis=-1) - p
    taken = np.clip(share - below, 0.0, p)
    return taken @ np.asarray(labels, dtype=np.float64) / share


def normal_quantile(mean: npt.ArrayLike, spread: npt.ArrayLike, share: float) -> Floats:
    """The same quantile where utilities differ between people as N(mean, spread²); infinite at a share of 1."""
    _check_share(share)
    return np.asarray(mean, dtype=np.float64) + np.asarray(spread, dtype=np.float64) * ndtri(share)


def normal_lower_tail(mean: npt.ArrayLike, spread: npt.ArrayLike, share: float) -> Floats:
    """The same tail where utilities differ between people as N(mean, spread²): mean − spread·φ(Φ⁻¹(share))/share."""
    _check_share(share)
    density = math.exp(-(float(ndtri(share)) ** 2) / 2) / math.sqrt(2 * math.pi)
    return np.asarray(mean, dtype=np.float64) - np.asarray(spread, dtype=np.float64) * density / share


def _check_share(share: float) -> None:
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}; expected a share of the crowd above 0, up to 1")
