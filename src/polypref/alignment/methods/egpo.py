"""EGPO: online IPO whose opponent is where a step would lead."""

from __future__ import annotations

from dataclasses import dataclass

from polypref.alignment.methods.online_ipo import OnlineIPO


@dataclass(frozen=True, kw_only=True)
class EGPO(OnlineIPO):
    """Step, ask again against the policy of that half step, undo, and step with the answer.

    It settles for c ≤ β/(β + ½), far larger than a plain step may be; the default is β/(β + 1).
    """

    name = "egpo"
    title = "extragradient preference optimisation"
    paper = "2503.08942"
    target = "c(P(i≻π_½) − P(j≻π_½))/β, π_½ after a trial step"
    half_step = True

    @property
    def share(self) -> float:
        return self.beta / (self.beta + 1) if self.step is None else self.step


METHODS = (EGPO,)
