"""Comparisons that ratings imply: who rates one response higher prefers it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from polypref.groups.table import Table

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def implied_pairs(table: Table, criterion: Ints) -> tuple[Ints, Ints, Ints, Floats]:
    """Neighbouring responses of a group that one criterion rates differently: (low, high, criterion, share for low)."""
    if not len(table.label) or not table.ordered:
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, nothing, np.zeros(0)
    value = np.array([float(label) for label in table.labels])[table.label]
    width = len(table.group)
    key, at = np.unique((criterion + 1) * width + table.rated, return_inverse=True)
    mean = np.bincount(at, value * table.rating_votes) / np.bincount(at, table.rating_votes)
    context, response = np.divmod(key, width)
    neighbours = (np.diff(context) == 0) & (np.diff(response) == 1) & (np.diff(table.group[response]) == 0)
    differ = np.flatnonzero(neighbours & (np.abs(np.diff(mean)) > 1e-12))
    return response[differ], response[differ + 1], context[differ] - 1, (mean[differ] > mean[differ + 1]).astype(float)
