"""GPO: multiplicative weights on the log-odds against the last policy, also per token."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from polypref.alignment.methods.base import Look, Method, MethodError, against, with_partition
from polypref.alignment.regression import OneSided


@dataclass(frozen=True, kw_only=True)
class GPO(Method):
    """(log π_θ − log π_t − ℓ(i≻π_t)/β + log Z)²: π_{t+1} ∝ π_t exp(ℓ(·≻π_t)/β), whose average alone settles.

    β is in log-odds. The authors' sums over the group with the diagonal are 2(K − 1)/K of the mean used here. log Z is
    that of the sampled responses; the paper sets it to 0, as `partition="zero"` does.
    """

    name = "gpo"
    title = "general preference optimisation"
    paper = "2410.02197"
    anchor = "last policy"
    target = "ℓ(i≻π_t)/β"
    game = "log-odds"
    goal = "equilibrium"
    last_iterate = False

    partition: str = "sampled"  # or "zero"

    def advantage(self, look: Look) -> Tensor:
        """What each response wins on average, in log-odds [..., K]."""
        return against(look, look.log_odds)

    def regression(self, look: Look) -> OneSided:
        target = self.advantage(look) / self.beta
        target = with_partition(target, look.weight, self.partition)
        return OneSided(anchor=look.policy, target=target, weight=look.weight)


@dataclass(frozen=True, kw_only=True)
class LengthNormalisedGPO(GPO):
    """GPO with log-ratios per token: (lr_i/|y_i| − ℓ(i≻π_t)/β)², that is targets |y_i|·ℓ/β and weights w/|y_i|²."""

    name = "ln-gpo"
    title = "general preference optimisation, log-ratios per token"
    target = "tokens · ℓ(i≻π_t)/β"

    def regression(self, look: Look) -> OneSided:
        if look.length is None:
            raise MethodError("the ln-gpo method divides by the lengths of responses: give the lengths")
        target = look.length * self.advantage(look) / self.beta
        target = with_partition(target, look.weight, self.partition)
        return OneSided(anchor=look.policy, target=target, weight=look.weight / look.length.square())


METHODS = (GPO, LengthNormalisedGPO)
