"""The hybrid head: a utility beside a cyclic part, so that an answer can stand above others that form a cycle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypref.models.heads.base import Head, HeadError

if TYPE_CHECKING:
    from torch import Tensor, nn

_TINY = 1e-12  # added to ‖v‖² before dividing by its root, so that v = 0 has a direction: none


@dataclass(frozen=True)
class HybridHead(Head):
    """P(i ≻ j) = σ(s) with s = c₁·(r_i − r_j) + c₂·v_iᵀD(x)·R·D(x)v_j, the HRC model (arXiv 2605.17342).

    A state is (r, v): r is cut to [−bound, bound], v has length 1, and R turns each of its dim/2 blocks by a right
    angle, so that the second term is Σ_l λ_l(i)·λ_l(j)·(v_i[2l]·v_j[2l+1] − v_i[2l+1]·v_j[2l]). The gate D(x) = diag(λ)
    depends on the prompt, but a state is encoded together with its response: each brings its own λ, which keeps
    s(i ≻ j) = −s(j ≻ i). Without a gate λ = 1. One block (dim = 2) holds a dominant answer above a cycle of any
    odd length; a general head with one block cannot, and spends a second on what r says here.

        >>> import torch
        >>> from polypref.models.heads import make_head
        >>> states = torch.tensor([[2.0, 1.0, 0.0], [0.0, -0.5, 0.9], [0.0, -0.5, -0.9]])  # (r, v)
        >>> P = make_head("hybrid", dim=2).preferences(states)
        >>> print(f"{P[0, 1]:.2f} {P[1, 2]:.2f} {P[2, 0]:.2f}")
        0.99 0.93 0.65
    """

    name = "hybrid"
    paper = "arXiv 2605.17342"
    says = ("preferences", "scores")
    objective = "logistic"

    dim: int = 8  # entries of v
    transitive: float = 1.0  # c₁
    cyclic: float = 3.0  # c₂; a sharper 10 often leaves long cycles unlearned
    bound: float = 10.0  # of |r|
    gate: bool = False  # whether the prompt weighs the blocks

    def __post_init__(self) -> None:
        if self.dim < 2 or self.dim % 2:
            raise HeadError(f"dim is {self.dim}; a hybrid head needs an even number from 2, two for each block")
        for name, value in (("transitive", self.transitive), ("cyclic", self.cyclic), ("bound", self.bound)):
            if not (value > 0 and math.isfinite(value)):
                raise HeadError(f"{name} is {value}; it must be a finite number above 0")

    @property
    def width(self) -> int:
        return 1 + self.dim

    @property
    def added(self) -> str | None:
        return "a prompt gate" if self.gate else None

    @property
    def extra_width(self) -> int:
        return self.dim // 2 if self.gate else 0

    def extra(self, hidden: int) -> nn.Module | None:
        from polypref.models.heads._gating import PromptGate

        return PromptGate(hidden, self.extra_width) if self.gate else None

    @property
    def in_plain_torch(self) -> str:
        gate = f" * states[:, {self.width}:]" if self.gate else ""
        return f"""\
utility, v = states[:, 0].clamp({-self.bound}, {self.bound}), states[:, 1:{self.width}]
v = v / (v.square().sum(-1, keepdim=True) + {_TINY}).sqrt()
even, odd = v[:, 0::2]{gate}, v[:, 1::2]{gate}  # the two entries of each block
cyclic = even @ odd.T - odd @ even.T  # skew-symmetric
preferences = ({self.transitive} * (utility[:, None] - utility) + {self.cyclic} * cyclic).sigmoid()
"""

    def log_odds(self, a: Tensor, b: Tensor) -> Tensor:
        a_even, a_odd = self._blocks(a)  # [..., k]
        b_even, b_odd = self._blocks(b)
        turned = (a_even * b_odd - a_odd * b_even).sum(-1)
        return self.transitive * (self._utility(a) - self._utility(b)) + self.cyclic * turned

    def all_log_odds(self, states: Tensor) -> Tensor:
        """One product of K×k matrices."""
        even, odd = self._blocks(states)
        utility, half = self._utility(states), even @ odd.T
        return self.transitive * (utility[:, None] - utility) + self.cyclic * (half - half.T)

    def blocks(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """The utility is the first; the prompt does not weigh it."""
        import torch

        even, odd = self._blocks(states)
        utility, half = self._utility(states), even.T[:, :, None] * odd.T[:, None, :]
        parts = self.transitive * (utility[:, None] - utility)[None], self.cyclic * (half - half.mT)
        weights = even.new_ones(1 + self.dim // 2)
        if self.gate:
            weights[1:] = states[:, self.width :].square().mean(0)  # a pair is weighed by the gates of both
        return weights, torch.cat(parts)

    def utilities(self, states: Tensor) -> Tensor:
        """Mean log-odds against the other responses of the group, which average to 0; 0 for a single response.

        Not r alone: the second term need not be all cycles, and what is left of it in the mean counts as well.
        """
        return self.all_log_odds(states).sum(-1) / max(states.shape[0] - 1, 1)

    def _utility(self, states: Tensor) -> Tensor:
        """r, cut: `[...]`."""
        return states[..., 0].clamp(-self.bound, self.bound)

    def _blocks(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """The even and the odd entries of D(x)v, each `[..., k]`."""
        v = states[..., 1 : self.width]
        v = v * (v.square().sum(-1, keepdim=True) + _TINY).rsqrt()
        even, odd = v[..., 0::2], v[..., 1::2]
        if not self.gate:
            return even, odd
        weights = states[..., self.width :]
        return even * weights, odd * weights


HEAD = HybridHead
