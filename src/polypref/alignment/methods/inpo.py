"""INPO: mirror descent on the game with a price for leaving the reference, from pairs of the last policy."""

from __future__ import annotations

from dataclasses import dataclass

from polypref.alignment.methods.base import Look
from polypref.alignment.methods.online_ipo import OnlineIPO
from polypref.alignment.regression import Pairwise


@dataclass(frozen=True, kw_only=True)
class INPO(OnlineIPO):
    """(Δ_θ − cΔ_ref − (1 − c)Δ_t − c(P_ij − ½)/β)²; hard winners give 1/(2η), winner first.

    In the paper's letters β is τ and c = `step` is τ/η.
    """

    name = "inpo"
    title = "iterative Nash policy optimisation"
    paper = "2407.00617"
    target = "c(P_ij − ½)/β"

    def regression(self, look: Look) -> Pairwise:
        c = self.share
        target = (self.shares(look) - 0.5) * (c / self.beta)
        return Pairwise(anchor=c * look.reference + (1 - c) * look.policy, target=target, weight=look.weight)


METHODS = (INPO,)
