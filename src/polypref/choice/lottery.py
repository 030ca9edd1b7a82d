"""Maximal lotteries: the mixture of responses that no response beats on average."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import lsq_linear

from polypref.choice.matrix import check_preferences, require_complete
from polypref.errors import Undefined

ROUNDING = 1e-10  # probabilities this small next to the largest are none
ACCURACY = 1e-6  # how far the lottery may fall behind a response, relative to the largest margin


def maximal_lottery(preferences: ArrayLike) -> NDArray[np.float64]:
    """Probabilities p [K] with Σ_i p_i P_ij ≥ ½ for every j: the von Neumann winner (Kreweras 1965, Fishburn 1984).

    It always exists when every pair was compared. Where there are several, the one of least Euclidean norm, which is
    the most even and treats responses alike. That is a least-distance program: min ‖p‖ subject to margins against every
    response ≥ 0, p ≥ 0 and Σp ≥ 1, solved as non-negative least squares (Lawson & Hanson 1974, chapter 23).
    """
    P = check_preferences(preferences)
    require_complete(P)
    K = len(P)
    margins = P - P.T
    margins /= np.abs(margins).max() or 1.0
    constraints = np.hstack([margins, np.eye(K), np.ones((K, 1))])  # [K, 2K + 1], each column with p at least:
    bounds = np.concatenate([np.zeros(2 * K), [1.0]])
    target = np.concatenate([np.zeros(K), [1.0]])
    system = np.vstack([constraints, bounds])
    # bvls rather than scipy.optimize.nnls, which in SciPy 1.15 to 1.17 can return points that are not optimal
    dual = lsq_linear(system, target, bounds=(0, np.inf), method="bvls", tol=1e-14, max_iter=100 * K).x
    residual = system @ dual - target
    lottery = np.maximum(-residual[:K] / residual[K], 0.0)
    lottery[lottery < ROUNDING * lottery.max()] = 0.0
    lottery /= lottery.sum()
    if not (lottery @ margins).min() >= -ACCURACY:
        raise Undefined("the margins differ too much in size to find the maximal lottery in double precision")
    return lottery
