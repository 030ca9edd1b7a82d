"""Online IPO and its extragradient, EGPO: opponents are drawn from the policy as it stands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from polypref.alignment.methods.base import Aim, Method, View, check_above_zero


@dataclass(frozen=True)
class OnlineIPO(Method):
    """Anchored at the reference, T_ij = (P̄_i − P̄_j)/β with P̄ the win rate against π_θ itself (arXiv 2403.08635).

    β is in probability per nat, and the strength of the anchor in the equilibrium that is looked for: reference·
    exp(P̄/β) against itself. `step_size` is that of exact steps, the share of the way to the minimum that each goes; on
    cyclic preferences it has to be small beside β² for the iterates to come near, and EGPO bears larger ones.
    """

    name = "online-ipo"
    paper = "arXiv 2403.08635"
    game = "margins"
    converges = "last"
    asks_while_fitting = True

    beta: float = 0.1
    step_size: float = 0.01

    def __post_init__(self) -> None:
        check_above_zero(self.name, beta=self.beta, step_size=self.step_size)

    @property
    def strength(self) -> float:
        return self.beta

    def rate(self, step: int) -> float:
        return self.step_size

    def aim(self, view: View) -> Aim:
        means = view.against_current(view.preferences) / self.beta
        return Aim(np.zeros(len(view.weights)), means[:, None] - means, view.weights)


@dataclass(frozen=True)
class EGPO(OnlineIPO):
    """Online IPO with extragradient: step, ask again at the half-step policy, undo, step with that (arXiv 2503.08942).

    The last iterate reaches the equilibrium near the reference, at a rate that does not depend on cycles.
    """

    name = "egpo"
    paper = "arXiv 2503.08942"
    extragradient = True

    step_size: float = 0.1


METHODS = (OnlineIPO, EGPO)
