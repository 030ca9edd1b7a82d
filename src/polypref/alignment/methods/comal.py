"""COMAL: INPO whose reference becomes the policy every so often, which leads to the equilibrium itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

from polypref.alignment.methods.base import MethodError
from polypref.alignment.methods.inpo import INPO


@dataclass(frozen=True, kw_only=True)
class COMAL(INPO):
    """INPO for `every` iterations, then the reference is the policy, and on: a proximal point method.

    `every` must be large enough that INPO comes near its goal; the default leaves e⁻³ of the way.
    """

    name = "comal"
    title = "convergent meta-alignment, a moving reference"
    paper = "2410.23223"
    anchor = "as inpo; the reference moves"
    goal = "equilibrium"

    every: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.every is not None and self.every < 1:
            raise MethodError(f"expected every to be at least 1, got {self.every}")

    @property
    def period(self) -> int:
        return self.every or math.ceil(6 / self.share)


METHODS = (COMAL,)
