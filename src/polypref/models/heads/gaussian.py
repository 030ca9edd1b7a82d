"""The gaussian head: a mean and a spread per response, which shows where people disagree for a hidden reason."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypref.models.heads.base import Head

if TYPE_CHECKING:
    from torch import Tensor

_LEAST_SPREAD = 1e-3  # keeps (μ_i − μ_j)/√(σ_i² + σ_j²) finite


@dataclass(frozen=True)
class GaussianHead(Head):
    """P(i ≻ j) = Φ((μ_i − μ_j)/√(σ_i² + σ_j²)): utilities differ from person to person as N(μ, σ²) (arXiv 2312.08358).

    A state is (μ, s) with σ = softplus(s) + 0.001.

        >>> import torch
        >>> from polypref.models.heads import make_head
        >>> P = make_head("gaussian").preferences(torch.tensor([[1.0, -5.0], [0.0, 2.0]]))  # (mean, s)
        >>> print(f"{P[0, 1]:.2f}")
        0.68
    """

    name = "gaussian"
    paper = "arXiv 2312.08358"
    says = ("preferences", "utilities", "spread")
    objective = "dpl"

    @property
    def width(self) -> int:
        return 2

    @property
    def in_plain_torch(self) -> str:
        return f"""\
mean, spread = states[:, 0], torch.nn.functional.softplus(states[:, 1]) + {_LEAST_SPREAD}
differences = (mean[:, None] - mean) / (spread[:, None].square() + spread.square()).sqrt()
preferences = torch.special.ndtr(differences)
"""

    def log_odds(self, a: Tensor, b: Tensor) -> Tensor:
        x = (a[..., 0] - b[..., 0]) / (self.spread(a).square() + self.spread(b).square()).sqrt()
        return _log_ndtr(x) - _log_ndtr(-x)

    def utilities(self, states: Tensor) -> Tensor:
        """μ, the mean utility: `[..., 2]` → `[...]`."""
        return states[..., 0]

    def spread(self, states: Tensor) -> Tensor:
        """σ, how far the utility of a response differs between people: `[..., 2]` → `[...]`."""
        import torch

        return torch.nn.functional.softplus(states[..., 1]) + _LEAST_SPREAD


def _log_ndtr(x: Tensor) -> Tensor:
    """log Φ(x). `torch.special.log_ndtr` has the same values, but its gradient is 0/0 from x = −14 in single precision
    (−38 in double)."""
    import torch

    below, above = x.clamp(max=0), x.clamp(min=0)
    tail = (torch.special.erfcx(-below / math.sqrt(2)) / 2).log() - below.square() / 2
    body = torch.log1p(-torch.special.erfc(above / math.sqrt(2)) / 2)
    return torch.where(x < 0, tail, body)


HEAD = GaussianHead
