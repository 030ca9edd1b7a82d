"""DSPPO: self-play that follows the transitive part of preferences first and the cyclic part later."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from polypref.alignment.methods.base import Aim, Method, View, check_above_zero


@dataclass(frozen=True)
class DSPPO(Method):
    """SPPO's regression on the two parts of the log-odds (arXiv 2605.17342).

    t_i = ((1 + λ/√t)·s̄ᵀ_i + (1 − λ/√t)·s̄ᶜ_i)/β in iteration t, with sᵀ the differences of the utility that explains the
    log-odds best (their row means) and sᶜ the cyclic rest, both averaged against the last policy. β is in log-odds per
    nat, as in `gpo`, and so is the equilibrium that the average of iterates comes near.
    """

    name = "dsppo"
    paper = "arXiv 2605.17342"
    game = "log-odds"
    converges = "average"

    beta: float = 1.0
    decay: float = 1.0  # λ

    def __post_init__(self) -> None:
        check_above_zero(self.name, beta=self.beta)

    def aim(self, view: View) -> Aim:
        utility = view.scores.mean(axis=1)
        transitive = utility[:, None] - utility
        lead = self.decay / np.sqrt(view.step)
        mixed = (1 + lead) * transitive + (1 - lead) * (view.scores - transitive)
        return Aim(view.previous, view.against_previous(mixed) / self.beta, view.weights)


METHODS = (DSPPO,)
