"""DSPPO: GPO that weighs the transitive part of the log-odds more at first, and less later."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from polypref.alignment.methods.base import Look, against
from polypref.alignment.methods.gpo import GPO
from polypref.alignment.regression import differences


@dataclass(frozen=True, kw_only=True)
class DSPPO(GPO):
    """Target ((1 + λ/√t) ℓᵀ + (1 − λ/√t) ℓᶜ)/β, the transitive and the cyclic part of HodgeRank over the responses."""

    name = "dsppo"
    title = "self-play on the transitive and the cyclic part"
    paper = "2605.17342"
    target = "((1 + λ/√t) ℓᵀ + (1 − λ/√t) ℓᶜ)/β"

    shift: float = 1.0  # λ

    def advantage(self, look: Look) -> Tensor:
        tilt = self.shift / look.iteration**0.5
        transitive = differences(look.log_odds.mean(-1))  # every pair is known, so the potential is the mean
        return against(look, (1 - tilt) * look.log_odds + 2 * tilt * transitive)


METHODS = (DSPPO,)
