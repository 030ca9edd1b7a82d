"""The one regression of all methods: log-ratios of a policy to an anchor are fitted to targets, by squares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Regression(ABC):
    """What the log-ratios x_i = log π_θ(y_i) − anchor_i of K responses should be; leading dimensions are groups."""

    anchor: Tensor  # [..., K], Σ_m c_m log π_m(y_i) with Σ c_m = 1
    target: Tensor  # [..., K] or [..., K, K], in nats
    weight: Tensor  # [..., K], how often each response is sampled; sums to 1

    @abstractmethod
    def loss(self, log_policy: Tensor) -> Tensor:
        """The weighted mean of the losses of each group [...], for log π_θ(y_i) [..., K]."""

    @abstractmethod
    def achieved(self, log_policy: Tensor) -> Tensor:
        """What should equal `target`, in its shape: to log, so that a target out of reach is seen."""

    def nats(self, log_policy: Tensor) -> tuple[Tensor, Tensor]:
        """What log-ratios, or their differences, should be and what they are, in one shape: to log."""
        return self.target, self.achieved(log_policy)

    @abstractmethod
    def solution(self) -> Tensor:
        """log π [..., K] of the table over these K responses that minimises the loss."""


class OneSided(Regression):
    """Σ_i w_i (x_i − target_i)², target [..., K]."""

    def achieved(self, log_policy: Tensor) -> Tensor:
        return log_policy - self.anchor

    def loss(self, log_policy: Tensor) -> Tensor:
        return (self.weight * (self.achieved(log_policy) - self.target).square()).sum(-1)

    def solution(self) -> Tensor:
        """Stationary under Σπ = 1: w_i(log π_i − d_i) + λπ_i = 0, by Newton from π ∝ exp(d), where d = anchor + target.

        Targets that hold their log-partition are met exactly, with λ = 0.
        """
        wanted = self.anchor + self.target
        x, price = torch.log_softmax(wanted, -1), torch.zeros_like(wanted[..., :1])
        for _ in range(50):
            pi = x.exp()
            miss = self.weight * (x - wanted) + price * pi
            curve = self.weight + price * pi
            ratio = pi / curve
            step = ((ratio * miss).sum(-1, True) - (pi.sum(-1, True) - 1)) * -1 / (ratio * pi).sum(-1, True)
            x = x - (miss + pi * step) / curve
            price = price + step
            if float(step.abs().max()) < 1e-15:
                break
        return torch.log_softmax(x, -1)


@dataclass(frozen=True, kw_only=True)
class Pairwise(Regression):
    """Σ_{i≠j} w_i w_j (x_i − x_j − target_ij)² / Σ_{i≠j} w_i w_j, target [..., K, K] skew-symmetric.

    Where `pairs` are chosen, only these count, in both sums.
    """

    pairs: Tensor | None = None  # [..., K, K], 1 for those that are chosen, symmetric

    def achieved(self, log_policy: Tensor) -> Tensor:
        return differences(log_policy - self.anchor)

    def loss(self, log_policy: Tensor) -> Tensor:
        return pair_mean(self.weight, (self.achieved(log_policy) - self.target).square(), self.pairs)

    def nats(self, log_policy: Tensor) -> tuple[Tensor, Tensor]:
        return _chosen(self.pairs, *super().nats(log_policy))

    def solution(self) -> Tensor:
        """x_i = Σ_j w_j target_ij up to a constant, since pairs are drawn independently.

        Of chosen pairs the shortest x of those with the least loss, which is 0 for responses in no pair.
        """
        if self.pairs is not None:
            pair = _pair_weights(self.weight) * self.pairs
            laplacian = torch.diag_embed(pair.sum(-1)) - pair
            x = torch.linalg.pinv(laplacian, hermitian=True) @ (pair * self.target).sum(-1, keepdim=True)
            return torch.log_softmax(self.anchor + x.squeeze(-1), -1)
        return torch.log_softmax(self.anchor + (self.target * self.weight.unsqueeze(-2)).sum(-1), -1)


@dataclass(frozen=True, kw_only=True)
class Logistic(Regression):
    """Cross-entropy of σ(β(x_i − x_j)) against shares of the pairs, target [..., K, K]: DPO, the baseline."""

    beta: float
    pairs: Tensor | None = None  # as of `Pairwise`

    def achieved(self, log_policy: Tensor) -> Tensor:
        return torch.sigmoid(self.beta * differences(log_policy - self.anchor))

    def nats(self, log_policy: Tensor) -> tuple[Tensor, Tensor]:
        reached = differences(log_policy - self.anchor)
        return _chosen(self.pairs, torch.logit(self.target, 1e-6) / self.beta, reached)

    def loss(self, log_policy: Tensor) -> Tensor:
        margin = self.beta * differences(log_policy - self.anchor)
        each = -(
            self.target * torch.nn.functional.logsigmoid(margin)
            + (1 - self.target) * torch.nn.functional.logsigmoid(-margin)
        )
        return pair_mean(self.weight, each, self.pairs)

    def solution(self) -> Tensor:
        """The weighted Bradley–Terry fit, by Newton steps shortened as in `choice.fit_bradley_terry`."""
        pair = self.weight.unsqueeze(-1) * self.weight.unsqueeze(-2)
        pair = pair if self.pairs is None else pair * self.pairs
        u = torch.zeros_like(self.anchor)  # β x
        for _ in range(1000):
            share = torch.sigmoid(differences(u))
            gradient = (pair * (self.target - share)).sum(-1)
            curve = pair * share * (1 - share)
            hessian = torch.diag_embed(curve.sum(-1)) - curve + curve.mean((-1, -2), keepdim=True)
            if self.pairs is None:
                step = torch.linalg.solve(hessian, gradient)
            else:  # responses in no pair stay where they are
                step = (torch.linalg.pinv(hessian, hermitian=True) @ gradient.unsqueeze(-1)).squeeze(-1)
            spread = step.amax(-1, True) - step.amin(-1, True)
            u = u + step * torch.where(spread > 0, torch.log1p(spread) / spread.clamp_min(1e-300), 1.0)
            if float(spread.max()) < 1e-12:
                break
        return torch.log_softmax(self.anchor + u / self.beta, -1)


def differences(values: Tensor) -> Tensor:
    """v_i − v_j [..., K, K] of values [..., K]."""
    return values.unsqueeze(-1) - values.unsqueeze(-2)


def _pair_weights(weight: Tensor) -> Tensor:
    """How often each pair of different responses [..., K, K] is drawn."""
    pair = weight.unsqueeze(-1) * weight.unsqueeze(-2)
    return pair - torch.diag_embed(pair.diagonal(dim1=-2, dim2=-1))


def _chosen(pairs: Tensor | None, *values: Tensor) -> tuple[Tensor, Tensor]:
    """Values of pairs with 0 for those that are not chosen."""
    one, other = (value if pairs is None else value * pairs for value in values)
    return one, other


def pair_mean(weight: Tensor, values: Tensor, pairs: Tensor | None = None) -> Tensor:
    """The mean [...] over pairs of different responses, drawn with weights [..., K], of values [..., K, K]; over the
    chosen `pairs` if there are some."""
    pair = _pair_weights(weight)
    pair = pair if pairs is None else pair * pairs
    return (pair * values).sum((-1, -2)) / pair.sum((-1, -2)).clamp_min(1e-300)
