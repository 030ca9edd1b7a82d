"""The masses of a Beta distribution in equal bins, as logarithms with derivatives, which torch lacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special
from torch import Tensor
from torch.autograd.function import once_differentiable

_STEP = 1e-3  # of the five-point stencil, relative to min(a, 1): error (step)⁴, rounding 1e-15/step
_LEAST = 1e-290  # below this the incomplete beta function runs out of digits


def log_beta_bins(a: Tensor, b: Tensor, d: int) -> Tensor:
    """log P((k−1)/d < X ≤ k/d) for X ~ Beta(a, b), k = 1 … d: a and b `[...]` → `[..., d]`.

    Values come from SciPy in double precision, on the CPU wherever a and b lie; derivatives, with respect to a and b
    and of first order only, from a five-point stencil.
    """
    return _LogBetaBins.apply(a, b, d)  # type: ignore[no-untyped-call]


class _LogBetaBins(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, d: int) -> Tensor:
        ctx.save_for_backward(a, b)
        ctx.d = d
        return torch.as_tensor(log_bins(_array(a), _array(b), d)).to(a)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        a, b = ctx.saved_tensors
        first, second = _array(a), _array(b)
        by_a = _derivative(lambda x: log_bins(x, second, ctx.d), first)
        by_b = _derivative(lambda x: log_bins(first, x, ctx.d), second)
        g = _array(gradient)
        return torch.as_tensor((g * by_a).sum(-1)).to(a), torch.as_tensor((g * by_b).sum(-1)).to(b), None


def log_bins(a: NDArray[np.float64], b: NDArray[np.float64], d: int) -> NDArray[np.float64]:
    """The same for arrays, finite for every a, b > 0."""
    a, b = a[..., None], b[..., None]
    edges = np.linspace(0.0, 1.0, d + 1)
    # differences of the smaller tail, so that small masses keep their digits
    below, above = special.betainc(a, b, edges), special.betaincc(a, b, edges)  # [..., d + 1]
    left = below[..., 1:] < above[..., :-1]
    mass = np.where(left, np.diff(below, axis=-1), -np.diff(above, axis=-1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(mass > _LEAST, np.log(mass), _log_far_bin(a, b, edges))


def _log_far_bin(a: NDArray[np.float64], b: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """log of a mass too small to write: density f at the nearer edge over |(log f)'| there (Laplace), [..., d]."""
    mode_left = a * (1 - edges[:-1]) < b * edges[:-1]  # the bulk lies below the bin: the mass sits at its left edge
    x = np.where(mode_left, edges[:-1], edges[1:])
    log_density = special.xlogy(a - 1, x) + special.xlog1py(b - 1, -x) - special.betaln(a, b)
    return log_density - np.log(np.abs((a - 1) / x - (b - 1) / (1 - x)))


def _derivative(function: Any, x: NDArray[np.float64]) -> NDArray[np.float64]:
    h = _STEP * np.minimum(x, 1.0)
    near, far = function(x + h) - function(x - h), function(x + 2 * h) - function(x - 2 * h)
    return (8 * near - far) / (12 * h[..., None])


def _array(tensor: Tensor) -> NDArray[np.float64]:
    return tensor.detach().to("cpu", torch.float64).numpy()
