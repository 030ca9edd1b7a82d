"""The general head: preference vectors and a skew-symmetric score, so that cycles can be expressed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypref.models.heads.base import Head, HeadError

if TYPE_CHECKING:
    from torch import Tensor, nn

_TINY = 1e-12  # added to ‖v‖² before dividing by its root, so that v = 0 has a direction: none


@dataclass(frozen=True)
class GeneralHead(Head):
    """P(i ≻ j) = σ(s/τ) with s = Σ_l λ_l · (v_i[2l]·v_j[2l+1] − v_i[2l+1]·v_j[2l]) (arXiv 2410.02197).

    k = dim/2 blocks express every skew-symmetric matrix of up to 2k + 1 responses; v = (r, 1) is Bradley–Terry.
    The gate λ depends on the prompt, but a state is encoded together with its response: a pair takes the mean of its
    two gates, which keeps s(i ≻ j) = −s(j ≻ i). Without a gate λ = 1.

        >>> import torch
        >>> from polypref.models.heads import make_head
        >>> v = torch.tensor([[1.0, 0.0], [-0.5, 0.9], [-0.5, -0.9]])  # a cycle of three
        >>> P = make_head("general", dim=2).preferences(v)
        >>> print(f"{P[0, 1]:.2f} {P[1, 2]:.2f} {P[2, 0]:.2f}")
        0.71 0.71 0.71
    """

    name = "general"
    paper = "arXiv 2410.02197"
    says = ("preferences", "scores")
    objective = "logistic"

    dim: int = 8  # 2k, entries of v
    temperature: float | None = None  # τ; None: 1, or the authors' 0.1 when v is normalised
    normalize: bool = False  # whether v has length 1
    gate: bool = False  # whether the prompt weighs the blocks

    def __post_init__(self) -> None:
        if self.dim < 2 or self.dim % 2:
            raise HeadError(f"dim is {self.dim}; a general head needs an even number from 2, two for each block")
        if self.temperature is not None and not self.temperature > 0:
            raise HeadError(f"temperature is {self.temperature}; it must be above 0")

    @property
    def width(self) -> int:
        return self.dim

    @property
    def gates(self) -> int:
        """Values of the prompt gate per response, 0 without a gate."""
        return self.dim // 2 if self.gate else 0

    @property
    def added(self) -> str | None:
        return "a prompt gate" if self.gate else None

    @property
    def extra_width(self) -> int:
        return self.gates

    def extra(self, hidden: int) -> nn.Module | None:
        from polypref.models.heads._gating import PromptGate

        return PromptGate(hidden, self.gates) if self.gate else None

    @property
    def tau(self) -> float:
        """The temperature in use."""
        if self.temperature is not None:
            return self.temperature
        return 0.1 if self.normalize else 1.0

    @property
    def in_plain_torch(self) -> str:
        lines = [f"v = states[:, :{self.dim}]"]
        if self.normalize:
            lines.append(f"v = v / (v.square().sum(-1, keepdim=True) + {_TINY}).sqrt()")
        lines.append("even, odd = v[:, 0::2], v[:, 1::2]  # the two entries of each block")
        if self.gate:
            lines.append(f"gate = states[:, {self.dim}:]  # the weights of the blocks")
            lines.append("half = (gate * even) @ odd.T - (gate * odd) @ even.T")
            lines.append("scores = (half - half.T) / 2")
        else:
            lines.append("scores = even @ odd.T - odd @ even.T  # skew-symmetric")
        lines.append(f"preferences = (scores / {self.tau}).sigmoid()")
        return "\n".join(lines) + "\n"

    def log_odds(self, a: Tensor, b: Tensor) -> Tensor:
        a_even, a_odd = self._blocks(a)  # [..., k]
        b_even, b_odd = self._blocks(b)
        scores = a_even * b_odd - a_odd * b_even  # [..., k]
        if self.gate:
            scores = scores * (a[..., self.dim :] + b[..., self.dim :]) / 2
        return scores.sum(-1) / self.tau

    def blocks(self, states: Tensor) -> tuple[Tensor, Tensor]:
        even, odd = self._blocks(states)
        gate = states[:, self.dim :] if self.gate else even.new_ones(even.shape)
        half = (gate * even).T[:, :, None] * odd.T[:, None, :] - (gate * odd).T[:, :, None] * even.T[:, None, :]
        return gate.mean(0), (half - half.mT) / (2 * self.tau)

    def utilities(self, states: Tensor) -> Tensor:
        """Mean log-odds against the other responses of the group, which average to 0; 0 for a single response."""
        return self.all_log_odds(states).sum(-1) / max(states.shape[0] - 1, 1)

    def _blocks(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """The even and the odd entries of v, each `[..., k]`."""
        v = states[..., : self.dim]
        if self.normalize:
            v = v * (v.square().sum(-1, keepdim=True) + _TINY).rsqrt()
        return v[..., 0::2], v[..., 1::2]

    def all_log_odds(self, states: Tensor) -> Tensor:
        """Two products of K×k matrices."""
        even, odd = self._blocks(states)
        gate = states[:, self.dim :] if self.gate else 1.0
        half = (gate * even) @ odd.T - (gate * odd) @ even.T  # Σ_l λ_l of the row alone
        return (half - half.T) / (2 * self.tau)


HEAD = GeneralHead
