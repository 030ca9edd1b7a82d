"""Optimal transport between the predicted and the observed opinion: how far mass is off, not only how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from polypref.models.heads import Head
from polypref.objectives.base import FROM_RATINGS, Objective, ObjectiveError
from polypref.objectives.judgments import Judgments
from polypref.objectives.opinions import predicted

_SINKHORN_STEPS = 1000  # at most


@dataclass(frozen=True, kw_only=True)
class Transport(Objective):
    """ℓ = OT_C(p̂, p) = min_T Σ_ab T_ab·C_ab over couplings T of the prediction p̂ and the opinion p (arXiv 2402.09764).

    The cost is C_ab = |u_a − u_b|^power of label values, for which the monotone coupling is optimal and ℓ has a closed
    form (power 1: the area between the CDFs), or any matrix `cost` [predicted][observed] that is 0 on the diagonal, for
    which the exact solver of POT goes through the rows.
    With `entropic` = ε, in the units of the cost, ℓ is the Sinkhorn divergence OT_ε(p̂, p) − ½ OT_ε(p̂, p̂) − ½ OT_ε(p, p)
    (Feydy et al. 2019), which is smooth and, unlike OT_ε itself, 0 at p̂ = p; it needs a symmetric cost. Its iteration
    slows down as ε falls: below a third of the cost of one step, exact transport is nearly the same and faster.

        >>> import torch
        >>> from polypref import Group, Rating, objectives
        >>> from polypref.models.heads import make_head
        >>> group = Group("Why?", ("So.",), ratings=[Rating(0, 1), Rating(0, 3), Rating(0, 3)])
        >>> judgments = objectives.collate([objectives.group_judgments(group, (1, 2, 3))], [1])
        >>> head, states = make_head("distributional", labels=[1, 2, 3]), torch.tensor([[0.0, 0.0, 1.0]])
        >>> losses, weights = objectives.make_objective("transport").losses(head, states, judgments)
        >>> print(f"{losses.item():.3f} {weights.item():.0f}")
        0.212 3
    """

    name = "transport"
    title = "optimal transport to the distribution of ratings"
    paper = "arXiv 2402.09764"
    needs = ("opinions",)
    uses = "ratings"
    accepts = FROM_RATINGS

    power: float = 1.0  # from 1
    cost: tuple[tuple[float, ...], ...] | None = None  # d × d, instead of the power of the distance
    entropic: float | None = None  # ε above 0; None: exact

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.power < np.inf:
            raise ObjectiveError(
                f"power is {self.power}; the closed form needs a number from 1: give a cost matrix instead"
            )
        if self.entropic is not None and not 0 < self.entropic < np.inf:
            raise ObjectiveError(f"entropic is {self.entropic}; it must be above 0, or left out for exact transport")
        if self.cost is not None:
            object.__setattr__(self, "cost", _checked_cost(self.cost, symmetric=self.entropic is not None))
            if self.power != 1:
                raise ObjectiveError("give a power or a cost matrix, not both")

    def check(self, head: Head) -> None:
        super().check(head)
        if self.cost is not None and head.labels is not None and len(self.cost) != len(head.labels):
            n, d = len(self.cost), len(head.labels)
            raise ObjectiveError(f"the cost matrix is {n} × {n} and the head has {d} labels; give a {d} × {d} matrix")

    def loss_of_each(self, head: Head, states: Tensor, judgments: Judgments) -> Tensor:
        log_p = predicted(head, states, judgments)  # [m, d]
        assert head.labels is not None
        if self.cost is not None:
            cost = log_p.new_tensor(self.cost)
        else:
            labels = log_p.new_tensor(head.labels)
            cost = (labels[:, None] - labels).abs() ** self.power
        if self.entropic is not None:
            return sinkhorn_divergence(log_p, judgments.opinion.log(), cost, self.entropic)
        if self.cost is not None:
            return exact_transport(log_p.exp(), judgments.opinion, cost)
        if self.power == 1:
            return transport_between_cdfs(log_p.exp(), judgments.opinion, log_p.new_tensor(head.labels))
        return monotone_transport(log_p.exp(), judgments.opinion, cost)


def transport_between_cdfs(p: Tensor, q: Tensor, labels: Tensor) -> Tensor:
    """W₁ = Σ_k |P_k − Q_k|·(u_{k+1} − u_k) of distributions `[m, d]` with CDFs P and Q → `[m]`."""
    return ((p - q).cumsum(-1)[:, :-1].abs() * labels.diff()).sum(-1)  # no matrix product: autocast would round it


def monotone_transport(p: Tensor, q: Tensor, cost: Tensor) -> Tensor:
    """Σ_t Δt·C[a(t), b(t)] of the coupling that pairs equal quantiles t: p and q `[m, d]`, C `[d, d]` → `[m]`.

    Optimal where C_ab is convex in u_a − u_b. a(t) and b(t) are the labels at quantile t; they change where t passes a
    value of the CDF of p or of q.
    """
    d = p.shape[-1]
    passes = torch.cat([p.cumsum(-1)[:, :-1], q.cumsum(-1)[:, :-1]], dim=-1)  # [m, 2d − 2]
    quantiles, order = passes.sort(dim=-1, stable=True)
    of_p = (order < d - 1).cumsum(-1)  # how many steps of p, and of q, lie up to each quantile
    of_q = torch.arange(1, 2 * d - 1, device=p.device) - of_p
    a = torch.nn.functional.pad(of_p, (1, 0))  # [m, 2d − 1], label of p between neighbouring quantiles
    b = torch.nn.functional.pad(of_q, (1, 0))
    ends = torch.cat([torch.zeros_like(p[:, :1]), quantiles, torch.ones_like(p[:, :1])], dim=-1)
    return (ends.diff(dim=-1) * cost[a, b]).sum(-1)


def exact_transport(p: Tensor, q: Tensor, cost: Tensor) -> Tensor:
    """min_T ⟨T, C⟩ by the network simplex of POT, for any cost `[d, d]`: p and q `[m, d]` → `[m]`."""
    return _ExactTransport.apply(p, q, cost)  # type: ignore[no-untyped-call]


class _ExactTransport(torch.autograd.Function):
    """The derivative by p is the dual potential, unique up to a constant where every T is; p sums to 1, so that the
    constant is of no effect, and potentials are centred."""

    @staticmethod
    def forward(ctx: Any, p: Tensor, q: Tensor, cost: Tensor) -> Tensor:
        solve = _exact_solver()
        matrix = _array(cost)
        values, potentials = np.zeros(len(p)), np.zeros(p.shape)
        for row, (a, b) in enumerate(zip(_array(p), _array(q))):
            values[row], log = solve(a / a.sum(), b / b.sum(), matrix, log=True)
            potentials[row] = log["u"] - log["u"].mean()
        ctx.save_for_backward(torch.as_tensor(potentials).to(p))
        return torch.as_tensor(values).to(p)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (potentials,) = ctx.saved_tensors
        return gradient[:, None] * potentials, None, None


def _exact_solver() -> Any:
    try:
        import ot
    except ImportError:
        raise ObjectiveError("transport with a cost matrix needs POT: pip install pot, or set entropic") from None
    return ot.emd2


def sinkhorn_divergence(log_p: Tensor, log_q: Tensor, cost: Tensor, epsilon: float) -> Tensor:
    """OT_ε(p, q) − ½ OT_ε(p, p) − ½ OT_ε(q, q) of log-probabilities `[m, d]` and a symmetric cost `[d, d]` → `[m]`."""
    p, q = log_p.exp(), log_q.exp()
    with torch.no_grad():
        f, g = _sinkhorn(log_p, log_q, cost, epsilon)
        own_f, own_g = _sinkhorn_with_itself(log_p, cost, epsilon), _sinkhorn_with_itself(log_q, cost, epsilon)
    # By the envelope theorem the derivative of OT_ε(p, q) = ⟨f, p⟩ + ⟨g, q⟩ by p is f, with f and g held fixed.
    return ((f - own_f) * p).sum(-1) + ((g - own_g) * q).sum(-1)


def _sinkhorn(log_p: Tensor, log_q: Tensor, cost: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """Potentials f, g `[m, d]` of OT_ε(p, q) = min ⟨T, C⟩ + ε KL(T ‖ p ⊗ q), in the log domain (Cuturi 2013)."""
    f, g = torch.zeros_like(log_p), torch.zeros_like(log_q)
    for _ in range(_SINKHORN_STEPS):
        previous = f
        f = _soft_minimum(log_q, g, cost, epsilon)
        g = _soft_minimum(log_p, f, cost.T, epsilon)
        if _settled(f, previous, cost):
            break
    return f, g


def _sinkhorn_with_itself(log_p: Tensor, cost: Tensor, epsilon: float) -> Tensor:
    """The one potential `[m, d]` of OT_ε(p, p), by half steps."""
    f = torch.zeros_like(log_p)
    for _ in range(_SINKHORN_STEPS):
        previous = f
        f = (f + _soft_minimum(log_p, f, cost, epsilon)) / 2
        if _settled(f, previous, cost):
            break
    return f


def _soft_minimum(log_q: Tensor, g: Tensor, cost: Tensor, epsilon: float) -> Tensor:
    """−ε log Σ_b q_b exp((g_b − C_ab)/ε): `[m, d]`."""
    return -epsilon * ((log_q + g / epsilon)[:, None, :] - cost / epsilon).logsumexp(-1)


def _settled(f: Tensor, previous: Tensor, cost: Tensor) -> bool:
    return bool((f - previous).abs().amax() <= 4 * torch.finfo(f.dtype).eps * cost.amax()) if f.numel() else True


def _checked_cost(cost: Sequence[Sequence[float]], symmetric: bool) -> tuple[tuple[float, ...], ...]:
    matrix = np.array([[float(value) for value in row] for row in cost]) if len({*map(len, cost)}) == 1 else np.zeros(0)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ObjectiveError(f"cost has rows of length {[len(row) for row in cost]}; give a square matrix")
    if not np.isfinite(matrix).all() or (matrix < 0).any() or matrix.diagonal().any():
        raise ObjectiveError("cost must be finite, nowhere negative and 0 on the diagonal")
    if symmetric and (matrix != matrix.T).any():
        raise ObjectiveError("entropic transport needs a symmetric cost; leave entropic out for this one")
    return tuple(tuple(row) for row in matrix.tolist())


def _array(tensor: Tensor) -> NDArray[np.float64]:
    return tensor.detach().to("cpu", torch.float64).numpy()


OBJECTIVES = (Transport,)
