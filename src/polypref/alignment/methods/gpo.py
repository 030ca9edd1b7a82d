"""GPO: general preference optimisation, self-play on the scores of a general preference model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from polypref.alignment.methods.base import Aim, Method, MethodError, View, check_above_zero


@dataclass(frozen=True)
class GPO(Method):
    """Anchored at the last policy, t_i = ℓ̄_i/β with ℓ̄ the mean log-odds against it (arXiv 2410.02197).

    β is in log-odds per nat: a response with mean log-odds of 1 gains 1/β nats in an iteration. Keep targets at some 10
    nats or less, so β from 0.1 for log-odds around 1: the authors' β = 0.001 on scores divided by τ = 0.1 makes targets
    of thousands of nats, which no policy reaches and which act as weights of gradients only. (They average over the
    group with the response itself, twice: their mean is 2(K − 1)/K times this one.)
    Iterates circle outwards around the equilibrium of the scores, which is not that of P − ½; their average comes near.
    """

    name = "gpo"
    paper = "arXiv 2410.02197"
    game = "log-odds"
    converges = "average"

    beta: float = 1.0

    def __post_init__(self) -> None:
        check_above_zero(self.name, beta=self.beta)

    def aim(self, view: View) -> Aim:
        return Aim(view.previous, view.against_previous(view.scores) / self.beta, view.weights)


@dataclass(frozen=True)
class LengthNormalisedGPO(GPO):
    """GPO with log-ratios divided by the length of a response in tokens, so that β is in log-odds per nat and token.

    A response of 50 tokens with mean log-odds of 1 gains 50/β nats: take β some 50 times as large as that of `gpo`.
    """

    name = "ln-gpo"

    beta: float = 50.0

    def aim(self, view: View) -> Aim:
        if view.lengths is None:
            raise MethodError("ln-gpo divides by the lengths of responses, which are not known here")
        plain = super().aim(view)
        return Aim(plain.anchor, plain.target, plain.weights, np.maximum(view.lengths, 1.0))


METHODS = (GPO, LengthNormalisedGPO)
