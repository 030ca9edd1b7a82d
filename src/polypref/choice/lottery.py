"""Maximal lotteries: the mixture of responses that no response beats on average."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polypref.choice.games import equilibrium
from polypref.choice.matrix import check_preferences, require_complete


def maximal_lottery(preferences: ArrayLike) -> NDArray[np.float64]:
    """Probabilities p [K] with Σ_i p_i P_ij ≥ ½ for every j: the von Neumann winner (Kreweras 1965, Fishburn 1984).

    It is the equilibrium of the game P − ½, always exists when every pair was compared, and is the most even one where
    there are several.
    """
    P = check_preferences(preferences)
    require_complete(P)
    return equilibrium(P - P.T)
