"""INPO and the methods that build on it: COMAL, which moves the reference, and MNPO, with several opponents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from polypref.alignment.methods.base import Aim, Floats, Hard, Method, MethodError, View, check_above_zero


@dataclass(frozen=True)
class INPO(Hard, Method):
    """Anchored at the reference with weight τ/η and at the last policy with the rest (arXiv 2407.00617).

    T_ij = (P_ij − ½)/η; a winner of one judgment has ±1/(2η). η and τ are in probability per nat: τ is the strength of
    the anchor in the equilibrium that is looked for, η > τ the inverse size of steps. The last iterate gets there where
    steps are small enough: on cyclic preferences, η well above 1/τ times the square of the margins.
    """

    name = "inpo"
    paper = "arXiv 2407.00617"
    game = "margins"
    converges = "last"

    eta: float = 1.0
    tau: float = 0.1

    def __post_init__(self) -> None:
        check_above_zero(self.name, eta=self.eta, tau=self.tau)
        if self.tau > self.eta:
            raise MethodError(f"tau of {self.name} is {self.tau}, above eta {self.eta}; it is a part of it")

    @property
    def strength(self) -> float:
        return self.tau

    def past(self, view: View) -> Floats:
        """The log-ratios `[K]` of the past policy that is anchored at."""
        return view.previous

    def aim(self, view: View) -> Aim:
        anchor = (1 - self.tau / self.eta) * self.past(view)
        return Aim(anchor, (self.judged(view.preferences) - 0.5) / self.eta, view.weights)


@dataclass(frozen=True)
class COMAL(INPO):
    """INPO whose reference becomes the last policy every `period` iterations (arXiv 2410.23223).

    The equilibria near moving references lead to the maximal lottery itself.
    """

    name = "comal"
    paper = "arXiv 2410.23223"

    period: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.period < 1:
            raise MethodError(f"period of {self.name} is {self.period}; expected a number of iterations from 1")

    @property
    def strength(self) -> float:
        """The equilibrium of the moving reference is that of no anchor."""
        return 0.0

    def moves_reference(self, step: int) -> bool:
        return step % self.period == 0


@dataclass(frozen=True)
class MNPO(INPO):
    """INPO against the last `opponents` policies, each `decay` times the weight of the one after it (arXiv 2509.23102).

    Where all of them are the same it is INPO, so it looks for the same equilibrium; a longer memory damps circling.
    """

    name = "mnpo"
    paper = "arXiv 2509.23102"

    opponents: int = 3
    decay: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_above_zero(self.name, decay=self.decay)
        if self.opponents < 1:
            raise MethodError(f"opponents of {self.name} are {self.opponents}; expected a number of policies from 1")

    def past(self, view: View) -> Floats:
        known = [view.previous, *view.history][: self.opponents]
        weights = self.decay ** np.arange(len(known))
        mixed: Floats = np.average(known, axis=0, weights=weights)
        return mixed


METHODS = (INPO, COMAL, MNPO)
