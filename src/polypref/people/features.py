"""Few features of states: their principal directions, in one unit, so that a ridge means the same anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from polypref.errors import DataError

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """A linear map from states [S, width] to features [S, f] of mean variance 1."""

    mean: Floats  # [width]
    directions: Floats  # [width, f]

    def of(self, states: Numbers) -> Numbers:
        """The features of states [S, width]."""
        return (states - self.mean) @ self.directions


def principal_features(states: npt.ArrayLike, most: int = 32) -> Features:
    """The `most` principal directions of states [S, width], or as many as there are, scaled together."""
    x = np.asarray(states, dtype=np.float64)
    if x.ndim != 2 or len(x) < 2 or not np.isfinite(x).all() or most < 1:
        raise DataError(f"expected two states or more [S, width] of finite numbers, got the shape {x.shape}")
    mean = x.mean(axis=0)
    variance, vectors = np.linalg.eigh((x - mean).T @ (x - mean) / len(x))
    variance, vectors = variance[::-1][:most], vectors[:, ::-1][:, :most]
    kept = variance > 1e-10 * max(variance[0], 1e-300)
    if not kept.any():
        raise DataError("all states are the same: nothing tells one response from another")
    return Features(mean, vectors[:, kept] / np.sqrt(variance[kept].mean()))
