"""How far two computations of the same thing in single precision may lie apart: derived once, for all tests.

Sums in single precision round each of their terms by up to half of `EPS` times its size, and in which order they are
summed depends on the batch, on how inputs are packed, on threads and on the processor. So the difference of two results
follows the size of the *terms*; where these cancel it has nothing to do with how small the result is. Utilities of
0.005 that are differences of products of 5 are uncertain in the sixth decimal, and an allowance relative to them is met
by chance. It is therefore `ROUNDINGS · EPS` of the largest term.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

EPS = float(np.finfo(np.float32).eps)
# two layers of large random weights gather up to 40 roundings of the largest state, over all processors tried …
ROUNDINGS = 128
# … and 360 where the weights are computed another way, as those merged with an adapter are, or where vanilla
# transformers computes the whole
ANOTHER_WAY = 1024
SIX_DIGITS = 5e-6  # the rounding, relative, of what `polypref score` writes


def allowance(terms: float = 1.0, roundings: int = ROUNDINGS) -> float:
    """How far two sums of terms up to this size may lie apart."""
    return roundings * EPS * terms


def near(
    found: ArrayLike, expected: ArrayLike, terms: float = 1.0, roundings: int = ROUNDINGS, digits: float = 0.0
) -> None:
    """Both are the same, computed in single precision from terms of this size, or of that of the largest entry.

    A state is a sum of weights times features, and features are normalised to about 1: hence terms of 1 if nothing is
    said. `digits` is the relative rounding of numbers that were written with few digits.
    """
    largest = max(terms, float(np.abs(np.asarray(expected)).max(initial=0)))
    np.testing.assert_allclose(found, expected, rtol=digits, atol=allowance(largest, roundings))


def products(states: ArrayLike) -> float:
    """The largest sum of products that cancel in the log-odds of a general head, Σ |v_i| · |v_j|, of states `[K, dim]`.

    Its utilities are means of log-odds and round as these do; its probabilities by at most a quarter of that.
    """
    sizes = np.abs(np.asarray(states))
    return float((sizes @ sizes.T).max())
