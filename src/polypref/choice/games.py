"""Symmetric games: policies over K responses that no other gains against, and how far a policy is from that.

A game is a skew-symmetric matrix A `[K, K]`: what a response gains against another, such as log-odds or P − ½. Near a
reference policy it is V(π, π′) = πᵀAπ′ − β·KL(π ‖ reference) + β·KL(π′ ‖ reference).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import lsq_linear
from scipy.special import logsumexp, rel_entr

from polypref.errors import DataError, Undefined

Floats = NDArray[np.float64]

ROUNDING = 1e-10  # probabilities this small next to the largest are none
ACCURACY = 1e-6  # how far the equilibrium may fall behind a response, relative to the largest gain
_SKEW = 1e-6  # how far A + Aᵀ may be from 0, relative to the largest gain: room for single precision
_STEPS, _CLOSE = 100, 1e-13  # Newton's, at each strength of the anchor


def equilibrium(game: ArrayLike, *, reference: ArrayLike | None = None, beta: float = 0.0) -> Floats:
    """The policy `[K]` against which no other gains, in a skew-symmetric game `[K, K]`.

    Without β it is the optimum of a linear programme; where there are several, the one of least Euclidean norm, which
    is the most even and treats responses alike. That is a least-distance programme: min ‖p‖ subject to gains against
    every response ≥ 0, p ≥ 0 and Σp ≥ 1, solved as non-negative least squares (Lawson & Hanson 1974, chapter 23).
    With β > 0 it is the one fixed point of π ∝ reference·exp(Aπ/β); the reference is even unless given.
    """
    A = check_game(game)
    if beta < 0 or not np.isfinite(beta):
        raise DataError(f"beta is {beta}; expected a number from 0")
    if beta:
        return np.exp(_anchored(A, _log_policy(reference, len(A)), beta))
    if reference is not None:
        raise DataError("a reference says nothing without a beta above 0")
    K = len(A)
    gains = A / (np.abs(A).max() or 1.0)
    constraints = np.hstack([gains, np.eye(K), np.ones((K, 1))])  # [K, 2K + 1], each column with p at least:
    bounds = np.concatenate([np.zeros(2 * K), [1.0]])
    target = np.concatenate([np.zeros(K), [1.0]])
    system = np.vstack([constraints, bounds])
    # bvls rather than scipy.optimize.nnls, which in SciPy 1.15 to 1.17 can return points that are not optimal
    dual = lsq_linear(system, target, bounds=(0, np.inf), method="bvls", tol=1e-14, max_iter=100 * K).x
    residual = system @ dual - target
    policy: Floats = np.maximum(-residual[:K] / residual[K], 0.0)
    policy[policy < ROUNDING * policy.max()] = 0.0
    policy /= policy.sum()
    if not (policy @ gains).min() >= -ACCURACY:
        raise Undefined("the margins differ too much in size to find the equilibrium in double precision")
    return policy


def duality_gap(game: ArrayLike, policy: ArrayLike, *, reference: ArrayLike | None = None, beta: float = 0.0) -> float:
    """max_π V(π, policy) − min_π V(policy, π) ≥ 0, the most that either side can gain; 0 at the equilibrium alone.

    In a symmetric game both sides can gain as much, so it is twice the `exploitability`.
    """
    return 2 * exploitability(game, policy, reference=reference, beta=beta)


def exploitability(
    game: ArrayLike, policy: ArrayLike, *, reference: ArrayLike | None = None, beta: float = 0.0
) -> float:
    """max_π V(π, policy) ≥ 0: what the best answer to a policy gains against it."""
    A = check_game(game)
    p = _check_policy(policy, len(A))
    if beta == 0:
        return max(float((A @ p).max()), 0.0)
    log_reference = _log_policy(reference, len(A))
    best = beta * float(logsumexp(log_reference + A @ p / beta))  # of Gibbs' variational principle
    return max(best + beta * float(rel_entr(p, np.exp(log_reference)).sum()), 0.0)


def check_game(game: ArrayLike) -> Floats:
    """A as floats, made exactly skew-symmetric; refused where it is not that up to single precision."""
    A = np.asarray(game, dtype=np.float64)
    if A.ndim != 2 or A.shape[0] != A.shape[1] or not len(A):
        raise DataError(f"expected a game [K, K] of at least one response, got the shape {A.shape}")
    if not np.isfinite(A).all():
        raise DataError("expected finite gains; the game holds NaN or infinity")
    if np.abs(A + A.T).max() > _SKEW * max(np.abs(A).max(), 1e-300):
        i, j = np.unravel_index(np.abs(A + A.T).argmax(), A.shape)
        raise DataError(
            f"expected what i gains against j to be what j loses, but A[{i}, {j}] = {A[i, j]:.4g} and "
            f"A[{j}, {i}] = {A[j, i]:.4g}; a game is made of log-odds, or of P − ½"
        )
    return (A - A.T) / 2


def _anchored(A: Floats, log_reference: Floats, beta: float) -> Floats:
    """log π with π ∝ reference·exp(Aπ/β), by Newton's method from a strong anchor to the one asked for.

    The derivative of x − Aπ(x)/β is the identity less a skew-symmetric matrix times a covariance, whose eigenvalues are
    imaginary: it is never singular, and the path of solutions has no forks.
    """
    x = np.zeros(len(A))  # log-ratios to the reference, up to a constant
    for strength in _descending(max(float(np.abs(A).max()), beta), beta):
        for _ in range(_STEPS):
            p = np.exp(_normalised(log_reference + x))
            missing = x - A @ p / strength
            if np.abs(missing).max() < _CLOSE * max(1.0, float(np.abs(x).max())):
                break
            x -= np.linalg.solve(np.eye(len(A)) - A @ (np.diag(p) - np.outer(p, p)) / strength, missing)
    policy = _normalised(log_reference + x)
    if not np.abs(x - A @ np.exp(policy) / beta).max() < 1e-9 * max(1.0, float(np.abs(x).max())):
        raise Undefined(f"beta {beta:g} is too small beside the gains to find the equilibrium in double precision")
    return policy


def _descending(start: float, end: float) -> list[float]:
    """From a strong anchor to the one asked for, never faster than by half."""
    steps = max(int(np.ceil(np.log2(start / end))), 0) + 1
    return [float(value) for value in np.geomspace(start, end, steps)] if start > end else [end]


def _normalised(logs: Floats) -> Floats:
    return logs - logsumexp(logs)


def _log_policy(reference: ArrayLike | None, size: int) -> Floats:
    if reference is None:
        return np.full(size, -np.log(size))
    p = _check_policy(reference, size)
    if not (p > 0).all():
        raise DataError("the reference gives a response no probability at all, so no policy near it can answer with it")
    return np.log(p)


def _check_policy(policy: ArrayLike, size: int) -> Floats:
    p = np.asarray(policy, dtype=np.float64)
    if p.shape != (size,):
        raise DataError(f"a policy of shape {p.shape} for a game of {size} responses")
    if not np.isfinite(p).all() or p.min() < 0 or abs(p.sum() - 1) > 1e-6:
        raise DataError("expected the probabilities of a policy, from 0 and adding up to 1")
    return p / p.sum()
