"""What a model of any make says about one group, given as arrays."""

from __future__ import annotations

from dataclasses import dataclass

from polypref.models.answer import Answer, Numbers


@dataclass(frozen=True, eq=False)
class Prediction(Answer):
    """What another program says about the K responses of one group; None for what it does not predict.

    The arrays are checked where they are measured.
    """

    preferences: Numbers | None = None  # [K, K], P[i, j] = P(i ≻ j)
    utilities: Numbers | None = None  # [K]
    distributions: Numbers | None = None  # [K, d]
    labels: tuple[float, ...] | None = None  # [d] values of the labels; the group's scale, if None
    log_odds: Numbers | None = None  # [K, K], log P(i ≻ j)/P(j ≻ i)
