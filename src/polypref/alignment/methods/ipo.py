"""IPO: fit the log-ratios of pairs from the reference to how surely one is preferred."""

from __future__ import annotations

from dataclasses import dataclass

from polypref.alignment.methods.base import Look, Method, check_choice, chosen_pairs
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

    choose: str = "all"  # or best-worst: the best of the K with the worst alone, as pairs are often made

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self.choose)

    def regression(self, look: Look) -> Pairwise:
        target = (self.shares(look) - 0.5) / self.beta
        pairs = chosen_pairs(look, self.choose)
        return Pairwise(anchor=look.reference, target=target, weight=look.weight, pairs=pairs)


METHODS = (IPO,)
