"""SPPO: multiplicative weights by self-play, as a one-sided regression."""

from __future__ import annotations

from dataclasses import dataclass

from polypref.alignment.methods.base import Aim, Method, View, check_above_zero


@dataclass(frozen=True)
class SPPO(Method):
    """Anchored at the last policy, t_i = (P̄_i − ½)/β with P̄ the win rate against it (arXiv 2405.00675).

    β is in probability per nat: a response that always wins gains 1/(2β) nats in an iteration. On cyclic preferences
    iterates circle outwards around the maximal lottery, and only their average comes near it.
    """

    name = "sppo"
    paper = "arXiv 2405.00675"
    game = "margins"
    converges = "average"

    beta: float = 0.1

    def __post_init__(self) -> None:
        check_above_zero(self.name, beta=self.beta)

    def aim(self, view: View) -> Aim:
        return Aim(view.previous, view.against_previous(view.preferences - 0.5) / self.beta, view.weights)


METHODS = (SPPO,)
