"""The distributional head: the whole distribution of a crowd over ordered labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from polypref.models.heads.base import Head, HeadError

if TYPE_CHECKING:
    from torch import Tensor

_LEAST_CONCENTRATION = 0.01  # of the Beta distribution; far below 1, so that a divided crowd can be U-shaped


@dataclass(frozen=True)
class DistributionalHead(Head):
    """p_i over d ordered labels with values u_1 < … < u_d (arXiv 2402.09764; compared as in 2312.08358).

    `categorical`: p = softmax(z). `beta`: preference strength in [0, 1] is Beta(a, b) with (a, b) = softplus(z) + 0.01,
    and p_k its mass in the k-th of d equal bins, whatever the label values. With A ~ p_i and B ~ p_j independent,
    P(i ≻ j) = P(A > B) + ½ P(A = B). The utility is the expected label value Σ_k p_k·u_k.

        >>> import torch
        >>> from polypref.models.heads import make_head
        >>> head = make_head("distributional", labels=[1, 2, 3])
        >>> opinions = head.distributions(torch.tensor([[2.0, 0.0, 2.0], [0.0, 3.0, 0.0]]))  # divided, agreed
        >>> print([f"{share:.2f}" for share in opinions[0]])
        ['0.47', '0.06', '0.47']
    """

    name = "distributional"
    paper = "arXiv 2402.09764"
    says = ("preferences", "utilities", "opinions")
    objective = "transport"

    labels: tuple[float, ...] = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    kind: Literal["categorical", "beta"] = "categorical"

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(float(label) for label in self.labels))
        increasing = all(low < high for low, high in zip(self.labels, self.labels[1:]))
        if len(self.labels) < 2 or not increasing or not all(map(math.isfinite, self.labels)):
            raise HeadError(f"labels are {list(self.labels)}; give at least two finite label values, lowest first")
        if self.kind not in ("categorical", "beta"):
            raise HeadError(f"kind is {self.kind!r}; a distributional head is categorical or beta")

    @property
    def width(self) -> int:
        return len(self.labels) if self.kind == "categorical" else 2

    @property
    def in_plain_torch(self) -> str:
        d = len(self.labels)
        opinions = "opinions = states.softmax(-1)  # [K, d]: the crowd's opinion over the labels"
        if self.kind == "beta":
            opinions = f"""\
from scipy.stats import beta

a, b = (torch.nn.functional.softplus(states.double()) + {_LEAST_CONCENTRATION}).T[..., None].numpy()
edges = torch.linspace(0, 1, {d + 1}, dtype=torch.float64).numpy()
opinions = torch.tensor(beta.cdf(edges, a, b)).diff(dim=-1)  # [K, d]: the crowd's opinion over the labels"""
        return f"""\
{opinions}
expected = opinions @ torch.tensor({list(self.labels)}, dtype=opinions.dtype)  # the utilities
below = torch.ones({d}, {d}, dtype=opinions.dtype).tril(-1) + torch.eye({d}, dtype=opinions.dtype) / 2
preferences = opinions @ below @ opinions.T
"""

    def log_odds(self, a: Tensor, b: Tensor) -> Tensor:
        log_a, log_b = self.log_distributions(a), self.log_distributions(b)
        return _log_win(log_a, log_b) - _log_win(log_b, log_a)

    def utilities(self, states: Tensor) -> Tensor:
        """The expected label value: `[..., width]` → `[...]`."""
        return (self.distributions(states) * states.new_tensor(self.labels)).sum(-1)

    def log_distributions(self, states: Tensor) -> Tensor:
        """log p, finite for every state: `[..., width]` → `[..., d]`."""
        import torch

        if self.kind == "categorical":
            return states.log_softmax(-1)
        from polypref.models.beta_bins import log_beta_bins

        a, b = (torch.nn.functional.softplus(states) + _LEAST_CONCENTRATION).unbind(-1)
        return log_beta_bins(a, b, len(self.labels))


def _log_win(log_a: Tensor, log_b: Tensor) -> Tensor:
    """log(P(A > B) + ½ P(A = B)) of log probabilities `[..., d]`, which broadcast → `[...]`."""
    counts = log_b.new_ones(log_b.shape[-1:] * 2).tril().fill_diagonal_(0.5).log()  # [d of A, d of B]
    below = (log_b[..., None, :] + counts).logsumexp(-1)  # log(P(B < u_k) + ½ P(B = u_k)), [..., d]
    return (log_a + below).logsumexp(-1)


HEAD = DistributionalHead
