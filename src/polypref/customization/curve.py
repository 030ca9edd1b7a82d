"""A learning curve: how accurate a domain's model is after so many comparisons."""

from __future__ import annotations

from dataclasses import dataclass

from polypref.statistics.resampling import Estimate


@dataclass(frozen=True)
class LearningPoint:
    """Domain accuracy on the test set after learning from so many comparisons."""

    comparisons: int
    customised: Estimate  # from the general model; JSON has it under this name
    scratch: Estimate  # from the base model


@dataclass(frozen=True)
class LearningCurve:
    """One domain's."""

    domain: str
    general: Estimate  # accuracy of the general model, which has seen none
    points: list[LearningPoint]
