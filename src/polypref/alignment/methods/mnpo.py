"""MNPO: INPO against several opponents, a weighted history of policies."""

from __future__ import annotations

from dataclasses import dataclass

from polypref.alignment.methods.base import Look, MethodError
from polypref.alignment.methods.online_ipo import OnlineIPO
from polypref.alignment.regression import Pairwise


@dataclass(frozen=True, kw_only=True)
class MNPO(OnlineIPO):
    """INPO with anchor and opponents spread over the last policies: (1 − c) Σ_m λ_m Δ_{t−m}, y″ ~ Σ_m λ_m π_{t−m}.

    `past` are the λ, newest first; while fewer policies are at hand, their λ are scaled to sum to 1.
    """

    name = "mnpo"
    title = "multiplayer Nash preference optimisation"
    paper = "2509.23102"
    anchor = "reference c, history 1 − c"
    target = "c(P(i≻history) − P(j≻history))/β"

    past: tuple[float, ...] = (0.6, 0.3, 0.1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.past or min(self.past) < 0 or not self.past[0] > 0:
            raise MethodError(f"expected weights of past policies, the first above 0, got {self.past}")

    @property
    def remembers(self) -> int:
        return len(self.past)

    def opponents(self, past: int) -> tuple[float, ...]:
        held = self.past[:past]
        return tuple(weight / sum(held) for weight in held)

    def regression(self, look: Look) -> Pairwise:
        found = super().regression(look)
        weights = self.opponents(len(look.history))
        history = sum((w * each for w, each in zip(weights, look.history)), start=0 * look.policy)
        anchor = self.share * look.reference + (1 - self.share) * history
        return Pairwise(anchor=anchor, target=found.target, weight=found.weight)


METHODS = (MNPO,)
