"""Personal tastes: the crowd's, and what sets each person apart along a few directions that all persons share.

r_u(y) = ⟨ψ(y), θ_u⟩ with θ_u = θ̄ + B·w_u and w_u ~ N(0, 1): B [f, r] holds both the directions in which people differ
and how far they do (LoRe, arXiv 2504.14439), so that somebody with few votes stays as close to the crowd as the spread
between people says. θ̄ and B maximise the votes' probability with every w_u integrated out: an EM algorithm, in which
the E-step is Laplace's approximation at each person's own mode, found by Newton's method for all persons at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from polypref.errors import DataError, Undefined
from polypref.people.likelihood import by_person, log_likelihood, one_taste
from polypref.people.votes import Votes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NEWTON = 25  # steps for a person; from 0, or from the last ones, 2 to 5 are needed
SETTLED = 1e-3  # a step in spreads between people after which the next would be as its square, a millionth
LIMITS = 0.0025, 2.25  # of the variance that a direction begins with: log-odds spread by about 0.1 to 3 between people


@dataclass(frozen=True, slots=True, eq=False)
class Persons:
    """What is known of some persons: the mode of w and its covariance."""

    mean: Floats  # [people, r]
    covariance: Floats  # [people, r, r]


@dataclass(frozen=True, slots=True, eq=False)
class Tastes:
    """The crowd's taste, and the directions in which people differ, each as long as their spread."""

    crowd: Floats  # [f], θ̄
    directions: Floats  # [f, r], B
    persons: Persons  # those it was fitted to
    log_likelihood: Floats  # of the votes with everybody's coordinates integrated out, after each iteration

    def meet(self, votes: Votes) -> Persons:
        """Anybody's coordinates from their votes, with everything else frozen: milliseconds for one person."""
        persons, _ = _everybody(votes, self.crowd, self.directions, None)
        return persons

    def of(self, persons: Persons) -> Floats:
        """The tastes θ_u [people, f]."""
        return self.crowd + persons.mean @ self.directions.T

    def preferences(self, votes: Votes, persons: Persons | None) -> Floats:
        """P(first ≻ second) of the pairs voted on [n], as each voter sees them; as somebody unknown does, if None.

        What is not known of a person draws the probability towards ½: E σ(s) ≈ σ(m/√(1 + πv/8)) for s ~ N(m, v).
        """
        mean = votes.projected(self.crowd[:, None])[:, 0]
        along = votes.projected(self.directions)
        if persons is None:
            return expit(mean / np.sqrt(1 + np.pi / 8 * (along**2).sum(axis=1)))
        mean = mean + (along * persons.mean[votes.person]).sum(axis=1)
        spread = np.empty(len(votes))
        for rows in votes.chunks():
            a = along[rows]
            spread[rows] = np.einsum("ni,nij,nj->n", a, persons.covariance[votes.person[rows]], a)
        return expit(mean / np.sqrt(1 + np.pi / 8 * spread))


def fit_tastes(votes: Votes, rank: int = 4, *, ridge: float = 1.0, iterations: int = 40) -> Tastes:
    """Fit θ̄, B [f, rank] and everybody's coordinates; `ridge` is the precision of the prior on θ̄ and B.

    Ends early once the log-likelihood grows by less than a millionth of a nat per vote.
    """
    f = votes.states.shape[1]
    if not 0 <= rank <= f:
        raise DataError(f"expected a rank from 0 to the {f} features of a state, got {rank}", field="rank")
    if not 0 < ridge < np.inf:
        raise DataError(f"expected a positive ridge, got {ridge}", field="ridge")
    if not len(votes):
        raise Undefined("there are no votes to learn tastes from")
    crowd = one_taste(votes, votes.weight, ridge, np.zeros(f))
    directions = _begin(votes, crowd, rank, ridge)
    persons: Persons | None = None
    path: list[float] = []
    for _ in range(max(iterations, 1) if rank else 1):
        persons, value = _everybody(votes, crowd, directions, persons)
        path.append(value)
        if len(path) > 1 and path[-1] - path[-2] < 1e-6 * len(votes):
            break
        if rank and len(path) < iterations:
            crowd, directions = _better(votes, crowd, directions, persons, ridge)
    persons, _ = _everybody(votes, crowd, directions, persons)
    return Tastes(crowd, directions, persons, np.array(path))


def _begin(votes: Votes, crowd: Floats, rank: int, ridge: float) -> Floats:
    """Directions by moments: how people's gradients at the crowd's taste vary beyond what single votes explain.

    With everybody's curvature near their share s_u of the whole H: E Σ_u (g_u·g_uᵀ − single votes') ≈ Σ s_u²·H·B·Bᵀ·H.
    """
    gradient, own, curvature = _gradients(votes, crowd)
    beyond = gradient.T @ gradient - own
    whitener = np.linalg.inv(np.linalg.cholesky(curvature + ridge * np.eye(len(crowd))))
    size, vectors = np.linalg.eigh(whitener @ beyond @ whitener.T)
    size, vectors = size[::-1][:rank], vectors[:, ::-1][:, :rank]
    total = float(votes.weight.sum())
    shares = np.bincount(votes.person, votes.weight) / total
    variance = np.clip(size / float((shares**2).sum()), total * LIMITS[0], total * LIMITS[1])
    return whitener.T @ vectors * np.sqrt(variance)


def _gradients(votes: Votes, crowd: Floats) -> tuple[Floats, Floats, Floats]:
    """Each person's gradient [people, f], Σ of the squares of single votes [f, f], and the curvature [f, f]."""
    f = len(crowd)
    gradient, own, curvature = np.zeros((votes.people, f)), np.zeros((f, f)), np.zeros((f, f))
    p = expit(votes.projected(crowd[:, None])[:, 0])
    for rows in votes.chunks():
        d, w, q, who = votes.difference(rows), votes.weight[rows], p[rows], votes.person[rows]
        missed = d * (w * (votes.share[rows] - q))[:, None]
        starts = np.flatnonzero(np.diff(who, prepend=-1))
        gradient[who[starts]] += np.add.reduceat(missed, starts, axis=0)
        own += missed.T @ missed
        curvature += (d * (w * q * (1 - q))[:, None]).T @ d
    return gradient, own, curvature


def _everybody(votes: Votes, crowd: Floats, directions: Floats, begin: Persons | None) -> tuple[Persons, float]:
    """Everybody's mode and covariance, and Laplace's approximation of the votes' log-likelihood."""
    r = directions.shape[1]
    base = votes.projected(crowd[:, None])[:, 0]
    along = votes.projected(directions)
    w = np.zeros((votes.people, r)) if begin is None else begin.mean.copy()

    def value(at: Floats) -> Floats:
        score = base + (along * at[votes.person]).sum(axis=1)
        return by_person(votes, votes.weight * log_likelihood(score, votes.share)) - (at**2).sum(axis=1) / 2

    now = value(w)
    for _ in range(NEWTON):
        gradient, precision = _curves(votes, base, along, w)
        step = np.linalg.solve(precision, (gradient - w)[:, :, None])[:, :, 0] if r else np.zeros_like(w)
        settled = not np.abs(step).max(initial=0.0) > SETTLED
        then = value(w + step)
        for _ in range(20):
            worse = then < now - 1e-9 * np.abs(now)
            if not worse.any():
                break
            step[worse] /= 2
            then = value(w + step)
        w, now = w + step, then
        if settled:
            break
    _, precision = _curves(votes, base, along, w)
    log_volume = np.linalg.slogdet(precision)[1]
    return Persons(w, np.linalg.inv(precision).astype(np.float64)), float((now - log_volume / 2).sum())


def _curves(votes: Votes, base: Floats, along: Floats, w: Floats) -> tuple[Floats, Floats]:
    """Each person's gradient [people, r] of the log-likelihood, and precision [people, r, r] with the prior's."""
    r = along.shape[1]
    gradient, precision = np.zeros((votes.people, r)), np.zeros((votes.people, r, r))
    for rows in votes.chunks():
        a, who = along[rows], votes.person[rows]
        p = expit(base[rows] + (a * w[who]).sum(axis=1))
        starts = np.flatnonzero(np.diff(who, prepend=-1))
        gradient[who[starts]] += np.add.reduceat(a * (votes.weight[rows] * (votes.share[rows] - p))[:, None], starts)
        curved = a * (votes.weight[rows] * p * (1 - p))[:, None]
        precision[who[starts]] += np.add.reduceat(curved[:, :, None] * a[:, None, :], starts)
    return gradient, precision + np.eye(r)


def _better(votes: Votes, crowd: Floats, directions: Floats, persons: Persons, ridge: float) -> tuple[Floats, Floats]:
    """The M-step: one Newton step on (θ̄, B) for the expected log-likelihood, its curvature taken as a product.

    With w̃ = (1, w): the gradient is Σ E[(p − σ − h·d·B(w − ŵ))·d·w̃ᵀ], the curvature Σ h·d·dᵀ times the mean E[w̃w̃ᵀ].
    """
    f, r = directions.shape
    gradient, curvature = np.zeros((f, 1 + r)), np.zeros((f, f))
    moments = np.zeros((1 + r, 1 + r))
    taste = np.column_stack([crowd, directions])
    scores, total = votes.projected(taste), 0.0
    for rows in votes.chunks():
        d, who, a = votes.difference(rows), votes.person[rows], scores[rows]
        w, C = persons.mean[who], persons.covariance[who]
        p = expit(a[:, 0] + (a[:, 1:] * w).sum(axis=1))
        missed, h = votes.weight[rows] * (votes.share[rows] - p), votes.weight[rows] * p * (1 - p)
        full = np.column_stack([np.ones(len(w)), w])
        pull = missed[:, None] * full
        pull[:, 1:] -= h[:, None] * np.einsum("nij,nj->ni", C, a[:, 1:])
        gradient += d.T @ pull
        curvature += (d * h[:, None]).T @ d
        moments += (full * h[:, None]).T @ full
        moments[1:, 1:] += np.tensordot(h, C, axes=(0, 0))
        total += float(h.sum())
    moments /= total
    gradient -= ridge * taste
    step = np.linalg.solve(curvature + ridge * np.eye(f), gradient)
    taste = taste + np.linalg.solve(moments, step.T).T
    return taste[:, 0], taste[:, 1:]
