"""How far a predicted distribution of labels is from what a crowd said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def wasserstein_1(p: Floats, p_values: Sequence[float], q: Floats, q_values: Sequence[float]) -> Floats:
    """Wasserstein-1 distance of distributions [K, d] over `p_values` to [K, e] over `q_values`, row by row [K].

    On a line it is the area between the distribution functions, ∫ |F − G| du, in units of the labels. Values may come
    in any order and differ between the two.
    """
    support = np.unique([*p_values, *q_values])  # [S]
    gap = p @ _places(p_values, support) - q @ _places(q_values, support)  # [K, S]
    return np.abs(np.cumsum(gap, axis=1)[:, :-1]) @ np.diff(support)


def mean_label_error(p: Floats, p_values: Sequence[float], q: Floats, q_values: Sequence[float]) -> Floats:
    """|E_p[label] − E_q[label]|, row by row [K]."""
    return np.abs(p @ np.asarray(p_values, dtype=np.float64) - q @ np.asarray(q_values, dtype=np.float64))


def _places(values: Sequence[float], support: Floats) -> Floats:
    """Which place of `support` each value has [d, S], one 1 per row."""
    return (np.asarray(values, dtype=np.float64)[:, None] == support).astype(np.float64)
