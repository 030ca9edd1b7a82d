"""Online IPO: the log-ratio to the reference follows the win rate against the policy itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from polypref.alignment.methods.base import Goal, Look, Method, MethodError, against
from polypref.alignment.regression import Pairwise, differences


@dataclass(frozen=True, kw_only=True)
class OnlineIPO(Method):
    """(Δ_θ − cΔ_ref − (1 − c)Δ_t − c(P(y≻y″) − P(y′≻y″))/β)², where y″ is from the policy and c is `step`.

    With c = 1 the anchor is the reference, as published, and each fit goes all the way. A gradient step on that loss
    goes the share c; then the policy reaches the regularised equilibrium if c is small, surely if c ≤ β²/(β² + ¼), the
    default.
    """

    name = "online-ipo"
    title = "identity preference optimisation against the policy itself"
    paper = "2403.08635"
    anchor = "reference c, last policy 1 − c"
    target = "c(P(i≻π_t) − P(j≻π_t))/β"
    game = "preferences"
    goal: ClassVar[Goal] = "regularised equilibrium"
    last_iterate = True

    step: float | None = None  # c, from 0 to 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.step is not None and not 0 < self.step <= 1:
            raise MethodError(f"expected a step above 0 and at most 1, got {self.step}")

    @property
    def share(self) -> float:
        """The share c of the way that one iteration goes."""
        return self.beta**2 / (self.beta**2 + 0.25) if self.step is None else self.step

    def regression(self, look: Look) -> Pairwise:
        c = self.share
        target = differences(against(look, self.shares(look))) * (c / self.beta)
        return Pairwise(anchor=c * look.reference + (1 - c) * look.policy, target=target, weight=look.weight)


METHODS = (OnlineIPO,)
