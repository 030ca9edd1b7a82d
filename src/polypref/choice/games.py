"""Symmetric zero-sum games of responses: equilibria, with and without a price for leaving a reference, and regret.

A game is a skew-symmetric matrix A [K, K]: A[i, j] is what response i wins against response j, for instance P − ½ or
log-odds. With a reference ρ and β > 0 a policy π playing against π′ wins πᵀAπ′ − β KL(π‖ρ) + β KL(π′‖ρ).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import lsq_linear
from scipy.special import logsumexp, softmax, xlogy

from polypref.choice.matrix import TOLERANCE
from polypref.errors import DataError, Undefined

ROUNDING = 1e-10  # probabilities this small next to the largest are none
ACCURACY = 1e-6  # how far an equilibrium may fall behind a response, relative to the largest entry of the game
SETTLED = 1e-12  # how far log-ratios may be from the fixed point, relative to the largest that the game can ask for


def equilibrium(game: ArrayLike, *, reference: ArrayLike | None = None, beta: float = 0.0) -> NDArray[np.float64]:
    """The policy [K] that no policy beats in the game A [K, K].

    With β = 0 (and no reference): p with Σ_i p_i A_ij ≥ 0 for every j. Where there are several, the one of least
    Euclidean norm, which is the most even and treats responses alike. That is a least-distance program: min ‖p‖ subject
    to pᵀA ≥ 0, p ≥ 0 and Σp ≥ 1, solved as non-negative least squares (Lawson & Hanson 1974, chapter 23).

    With β > 0, in the units of A, and a reference ρ [K] (uniform if not given): the one solution of π ∝ ρ exp(Aπ/β), by
    Newton's method on the log-ratios u = Aπ/β. Its Jacobian 1 − A·Cov_π/β is never singular, since the eigenvalues of a
    skew-symmetric times a covariance matrix are imaginary; so shortened steps always come nearer.
    """
    A = check_game(game)
    if not 0 <= beta < np.inf:
        raise DataError(f"expected a beta of at least 0, got {beta}")
    if beta > 0:
        return _regularised(A, _reference(reference, len(A)), beta)
    if reference is not None:
        raise DataError("a reference has no part in a game without a price for leaving it: give a beta above 0")
    return _most_even(A)


def duality_gap(game: ArrayLike, policy: ArrayLike, *, reference: ArrayLike | None = None, beta: float = 0.0) -> float:
    """max_π V(π, policy) − min_π V(policy, π) ≥ 0, what both sides together can gain; 0 at the equilibrium alone.

    V(π, π′) = πᵀAπ′, less β KL(π‖ρ) and plus β KL(π′‖ρ) if β > 0, where ρ is uniform if no reference is given.
    """
    return float(duality_gaps(game, _policy(policy, "policy"), reference=reference, beta=beta))


def exploitability(
    game: ArrayLike, policy: ArrayLike, *, reference: ArrayLike | None = None, beta: float = 0.0
) -> float:
    """The most that one side can gain by leaving the policy while the other stays: half of the duality gap."""
    return duality_gap(game, policy, reference=reference, beta=beta) / 2


def duality_gaps(
    game: ArrayLike, policies: ArrayLike, *, reference: ArrayLike | None = None, beta: float = 0.0
) -> NDArray[np.float64]:
    """The duality gaps [...] of policies [..., K] in games [..., K, K], whose leading dimensions are broadcast."""
    A = np.asarray(game, dtype=np.float64)
    p = np.asarray(policies, dtype=np.float64)
    if A.ndim == 2:
        A = check_game(A)
    if p.shape[-1] != A.shape[-1]:
        raise DataError(f"expected policies over {A.shape[-1]} responses, got the shape {p.shape}")
    payoff = (A @ p[..., None])[..., 0]  # [..., K] of each response against the policy
    if not beta > 0:
        return np.maximum(2 * payoff.max(-1), 0.0)
    rho = np.full(p.shape[-1], 1 / p.shape[-1]) if reference is None else np.asarray(reference, dtype=np.float64)
    if ((p > 0) & (rho == 0)).any():
        return np.where(((p > 0) & (rho == 0)).any(-1), np.inf, 0.0)
    best = beta * logsumexp(payoff / beta, b=np.broadcast_to(rho, payoff.shape), axis=-1)
    divergence = (xlogy(p, p) - xlogy(p, np.where(p > 0, rho, 1.0))).sum(-1)
    return np.maximum(2 * (best + beta * divergence), 0.0)


def check_game(game: ArrayLike) -> NDArray[np.float64]:
    """The game in double precision, exactly skew-symmetric, or DataError with the entry that keeps it from being one.

    A + Aᵀ may be as far from 0 as single precision leaves it.
    """
    A = np.asarray(game, dtype=np.float64)
    if A.ndim != 2 or A.shape[0] != A.shape[1] or A.shape[0] == 0:
        raise DataError(f"expected a game to be a matrix [K, K], got the shape {A.shape}")
    scale = max(1.0, np.abs(A).max()) if np.isfinite(A).all() else 1.0
    bad = ~np.isfinite(A) | ~(np.abs(A + A.T) <= TOLERANCE * scale)
    if bad.any():
        i, j = np.argwhere(bad)[0]
        raise DataError(
            f"expected a game to be finite and skew-symmetric, A[i, j] = −A[j, i], got {A[i, j]} at ({i}, {j}) and "
            f"{A[j, i]} at ({j}, {i})"
        )
    return (A - A.T) / 2


def least_regret(regret: ArrayLike) -> tuple[NDArray[np.float64], float]:
    """The mixture w [S] of S choices that minimises max_k Σ_s w_s·R[k, s] for regrets R [clusters, S], and that value.

    The game of clusters against choices becomes a symmetric one by playing both parts (Gale, Kuhn & Tucker 1950).
    """
    R = np.asarray(regret, dtype=np.float64)
    if R.ndim != 2 or 0 in R.shape or not np.isfinite(R).all():
        raise DataError(f"expected finite regrets [clusters, choices], got the shape {R.shape}")
    clusters, choices = R.shape
    low, size = R.min(), float(np.ptp(R)) or 1.0
    M = (R - low) / size + 1.0  # from 1 to 2: the value is positive
    game = np.zeros((clusters + choices + 1,) * 2)
    game[:clusters, clusters:-1], game[:clusters, -1], game[clusters:-1, -1] = M, -1.0, 1.0
    game -= game.T
    mixture = equilibrium(game)[clusters:-1]
    mixture /= mixture.sum()
    return mixture, float((R @ mixture).max())


def _most_even(game: NDArray[np.float64]) -> NDArray[np.float64]:
    K = len(game)
    margins = game / (np.abs(game).max() or 1.0)
    constraints = np.hstack([margins, np.eye(K), np.ones((K, 1))])  # [K, 2K + 1], each column with p at least:
    bounds = np.concatenate([np.zeros(2 * K), [1.0]])
    target = np.concatenate([np.zeros(K), [1.0]])
    system = np.vstack([constraints, bounds])
    # bvls rather than scipy.optimize.nnls, which in SciPy 1.15 to 1.17 can return points that are not optimal
    dual = lsq_linear(system, target, bounds=(0, np.inf), method="bvls", tol=1e-14, max_iter=100 * K).x
    residual = system @ dual - target
    policy = np.maximum(-residual[:K] / residual[K], 0.0)
    policy[policy < ROUNDING * policy.max()] = 0.0
    policy /= policy.sum()
    if not (policy @ margins).min() >= -ACCURACY:
        raise Undefined("the margins differ too much in size to find the equilibrium in double precision")
    return policy


def _regularised(game: NDArray[np.float64], reference: NDArray[np.float64], beta: float) -> NDArray[np.float64]:
    held = np.flatnonzero(reference)  # the others keep their probability of 0
    A, log_reference = game[np.ix_(held, held)] / beta, np.log(reference[held])
    tolerance = SETTLED * max(1.0, np.abs(A).max())

    def residual(u: NDArray[np.float64]) -> NDArray[np.float64]:
        return u - A @ softmax(log_reference + u)

    u = np.zeros(len(held))
    miss = residual(u)
    for _ in range(10_000):
        pi = softmax(log_reference + u)
        if np.abs(miss).max() <= tolerance:
            policy = np.zeros(len(game))
            policy[held] = pi
            return policy
        try:
            direction = np.linalg.solve(np.eye(len(held)) - A @ (np.diag(pi) - np.outer(pi, pi)), -miss)
        except np.linalg.LinAlgError:  # only rounding makes it singular
            break
        size = 1.0
        while size > 1e-12 and not _nearer(residual(u + size * direction), miss, size):
            size /= 2
        if size <= 1e-12:
            break
        u = u + size * direction
        miss = residual(u)
    raise Undefined(f"a beta of {beta:g} is too small beside the game to find the equilibrium in double precision")


def _nearer(after: NDArray[np.float64], before: NDArray[np.float64], size: float) -> bool:
    return bool(np.linalg.norm(after) <= (1 - 1e-4 * size) * np.linalg.norm(before))


def _reference(reference: ArrayLike | None, responses: int) -> NDArray[np.float64]:
    if reference is None:
        return np.full(responses, 1 / responses)
    rho = _policy(reference, "reference")
    if len(rho) != responses:
        raise DataError(f"expected a reference over {responses} responses, got {len(rho)} probabilities")
    return rho


def _policy(policy: ArrayLike, name: str) -> NDArray[np.float64]:
    p = np.asarray(policy, dtype=np.float64)
    if p.ndim != 1 or not (p >= 0).all() or not abs(p.sum() - 1) <= TOLERANCE:
        raise DataError(f"expected the {name} to be probabilities [K] that sum to 1, got {p.tolist()}")
    return p / p.sum()
