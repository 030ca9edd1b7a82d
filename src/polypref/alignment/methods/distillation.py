"""Distillation of rewards: log-ratios become the rewards of one model, or of the least favourable of many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from polypref.alignment.methods.base import Aim, Floats, Method, MethodError, View, check_above_zero


@dataclass(frozen=True)
class Distillation(Method):
    """Anchored at the reference, T_ij = (r_i − r_j)/β (arXiv 2405.19316).

    β is in units of reward per nat. Of several reward models each step takes the one that is least favourable to the
    policy as it stands: whose mean reward over the policy, less that over the reference, is least. With
    exact steps of size 1/t the policy becomes the pessimist's: the best by the worst of the models, near the reference.
    """

    name = "distillation"
    paper = "arXiv 2405.19316"
    asks_while_fitting = True
    needs_rewards = True

    beta: float = 1.0

    def __post_init__(self) -> None:
        check_above_zero(self.name, beta=self.beta)

    def rate(self, step: int) -> float:
        return 1 / step

    def aim(self, view: View) -> Aim:
        if view.rewards is None:
            raise MethodError("distillation needs the rewards of one or several reward models")
        reward = view.rewards[self.least_favourable(view)]
        return Aim(np.zeros(len(reward)), (reward[:, None] - reward) / self.beta, view.weights)

    def least_favourable(self, view: View) -> int:
        """Which reward model gives the policy the smallest gain over the reference."""
        assert view.rewards is not None
        gains = view.rewards @ (_probabilities(view.weights, view.current - view.previous) - _reference(view))
        return int(gains.argmin())


def _probabilities(weights: Floats, moved: Floats) -> Floats:
    """Of responses drawn with `weights`, after log-ratios have moved."""
    p: Floats = weights * np.exp(moved - moved.max())
    return p / p.sum()


def _reference(view: View) -> Floats:
    return _probabilities(view.weights, -view.previous)


METHODS = (Distillation,)
