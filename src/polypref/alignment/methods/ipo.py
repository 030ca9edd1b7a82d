"""IPO: fit the log-ratios of pairs from the reference to how surely one is preferred."""

from __future__ import annotations

from dataclasses import dataclass

from polypref.alignment.methods.base import Look, Method
from polypref.alignment.regression import Pairwise


@dataclass(frozen=True, kw_only=True)
class IPO(Method):
    """(Δ_θ − Δ_ref − (P_ij − ½)/β)²; hard winners give ±1/(2β). Its optimum is ∝ π_ref exp(P(·≻π_ref)/β)."""

    name = "ipo"
    title = "identity preference optimisation, offline"
    paper = "2310.12036"
    anchor = "reference"
    target = "(P_ij − ½)/β"
    game = "preferences"
    goal = "best response"
    last_iterate = True
    samples = "reference"

    def regression(self, look: Look) -> Pairwise:
        return Pairwise(anchor=look.reference, target=(self.shares(look) - 0.5) / self.beta, weight=look.weight)


METHODS = (IPO,)
