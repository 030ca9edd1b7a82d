"""IPO: regression on preferences of fixed data, without asking again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from polypref.alignment.methods.base import Aim, Hard, Method, View, check_above_zero


@dataclass(frozen=True)
class IPO(Hard, Method):
    """Anchored at the reference, T_ij = (P_ij − ½)/β; a winner of one judgment has ±1/(2β) (arXiv 2310.12036).

    β is in probability per nat: with P = 1 the log-ratios of a pair move 1/(2β) nats apart, at most. Its policy is the
    best against the data's own policy near the reference, which is no equilibrium.
    """

    name = "ipo"
    paper = "arXiv 2310.12036"
    offline = True

    beta: float = 0.1

    def __post_init__(self) -> None:
        check_above_zero(self.name, beta=self.beta)

    def aim(self, view: View) -> Aim:
        return Aim(np.zeros(len(view.weights)), (self.judged(view.preferences) - 0.5) / self.beta, view.weights)


METHODS = (IPO,)
