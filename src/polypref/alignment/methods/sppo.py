"""SPPO: multiplicative weights on the win rate against the last policy."""

from __future__ import annotations

from dataclasses import dataclass

from polypref.alignment.methods.base import Look, Method, against, with_partition
from polypref.alignment.regression import OneSided


@dataclass(frozen=True, kw_only=True)
class SPPO(Method):
    """(log π_θ − log π_t − (P(i≻π_t) − ½)/β + log Z)²: π_{t+1} ∝ π_t exp(P(·≻π_t)/β), whose average alone settles.

    log Z is that of the sampled responses; the paper sets it to 0, as `partition="zero"` does.
    """

    name = "sppo"
    title = "self-play preference optimisation"
    paper = "2405.00675"
    anchor = "last policy"
    target = "(P(i≻π_t) − ½)/β"
    game = "preferences"
    goal = "equilibrium"
    last_iterate = False

    partition: str = "sampled"  # or "zero"

    def regression(self, look: Look) -> OneSided:
        target = against(look, self.shares(look) - 0.5) / self.beta
        target = with_partition(target, look.weight, self.partition)
        return OneSided(anchor=look.policy, target=target, weight=look.weight)


METHODS = (SPPO,)
