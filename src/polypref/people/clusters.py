"""Clusters of people: K logistic tastes, who belongs to which, and how many there are by what held-out votes say."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logsumexp, softmax

from polypref.errors import DataError, Undefined
from polypref.people.likelihood import by_person, log_likelihood, one_taste
from polypref.people.votes import Votes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SETTLED = 1e-6  # growth of the objective per vote at which EM ends


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """K tastes, how many people have each, and what the people it was fitted to have."""

    tastes: Floats  # [K, f]
    sizes: Floats  # [K], shares of the people
    members: Floats  # [people, K], probabilities
    objective: float  # log-likelihood less the price of leaving the crowd's taste

    def meet(self, votes: Votes) -> Floats:
        """Anybody's probabilities of belonging to each cluster [people, K], from their votes; no votes, the sizes."""
        return _posterior(_explained(votes, self.tastes), self.sizes)

    def preferences(self, votes: Votes, members: Floats | None) -> Floats:
        """P(first ≻ second) of the pairs voted on [n], as each voter sees them; as somebody unknown does, if None."""
        by_cluster = expit(votes.projected(self.tastes.T))
        weights = self.sizes if members is None else members[votes.person]
        return np.asarray((by_cluster * weights).sum(axis=1), dtype=np.float64)

    @property
    def labels(self) -> Ints:
        """The likeliest cluster of each person [people]."""
        return self.members.argmax(axis=1)


@dataclass(frozen=True, slots=True)
class Choice:
    """How many clusters, and what each number would do for held-out votes."""

    clusters: int
    losses: dict[int, float]  # mean log-loss of held-out votes by number of clusters
    errors: dict[int, float]  # standard error, over persons, of the difference to the best


def fit_clusters(
    votes: Votes, clusters: int, *, hard: bool = False, ridge: float = 1.0, restarts: int = 4, seed: int = 0
) -> Clusters:
    """Fit a mixture of `clusters` logistic tastes by EM, soft or `hard`; the best of some restarts, largest first.

    γ_uk ∝ η_k·Π_j P_k(vote j of u); θ_k maximises Σ γ_uk·log-likelihood − ridge/2·‖θ_k − θ̄‖², with θ̄ the taste of all
    together, so that a small cluster stays near the crowd (arXiv 2405.00254).
    """
    if not 1 <= clusters <= max(votes.people, 1):
        raise DataError(f"expected 1 to {votes.people} clusters of {votes.people} persons, got {clusters}")
    if restarts < 1 or not 0 < ridge < np.inf:
        raise DataError("expected at least one start and a positive ridge")
    if not len(votes):
        raise Undefined("there are no votes to tell people apart by")
    crowd = one_taste(votes, votes.weight, ridge, np.zeros(votes.states.shape[1]))
    starts = 1 if clusters == 1 else restarts
    fits = [_expected(votes, _seeded(votes, crowd, clusters, [seed, k]), crowd, hard, ridge) for k in range(starts)]
    best = max(fits, key=lambda fit: fit.objective)
    order = np.argsort(-best.sizes, kind="stable")
    return Clusters(best.tastes[order], best.sizes[order], best.members[:, order], best.objective)


def choose_clusters(
    votes: Votes, numbers: Sequence[int] = (1, 2, 3, 4, 5), *, ridge: float = 1.0, restarts: int = 4, seed: int = 0
) -> Choice:
    """The least number of clusters whose log-loss on held-out votes is within two standard errors of the best.

    A quarter of everybody's prompts is held out and foretold from their other votes; the error is over persons.
    """
    known, held = votes.halves(0.25, seed)
    if not len(known) or not len(held):
        raise Undefined("choosing the number of clusters needs persons with votes on several prompts")
    each: dict[int, Floats] = {}
    for number in sorted(set(numbers)):
        fit = fit_clusters(known, number, ridge=ridge, restarts=restarts, seed=seed)
        p = fit.preferences(held, fit.members)
        said = held.share * np.log(p) + (1 - held.share) * np.log1p(-p)
        each[number] = -by_person(held, held.weight * said)
    total = float(held.weight.sum())
    losses = {number: float(loss.sum()) / total for number, loss in each.items()}
    best = min(losses, key=lambda number: losses[number])
    weight = by_person(held, held.weight)
    errors = {}
    for number, loss in each.items():
        beyond = loss - each[best] - weight * (losses[number] - losses[best])
        errors[number] = float(np.sqrt((beyond**2).sum())) / total
    chosen = min(number for number in losses if losses[number] - 2 * errors[number] <= losses[best])
    return Choice(chosen, losses, errors)


def _expected(votes: Votes, members: Floats, crowd: Floats, hard: bool, ridge: float) -> Clusters:
    """EM from a first guess of who belongs where."""
    K = members.shape[1]
    tastes = np.tile(crowd, (K, 1))
    last = -np.inf
    for _ in range(200):
        sizes = (members.sum(axis=0) + 1) / (len(members) + K)  # no cluster dies for ever
        for k in range(K):
            tastes[k] = one_taste(votes, votes.weight * members[votes.person, k], ridge, crowd, tastes[k], steps=1)
        explained = _explained(votes, tastes)
        members = _posterior(explained, sizes)
        price = ridge / 2 * float(((tastes - crowd) ** 2).sum()) - float(np.log(sizes).sum())
        joint = explained + np.log(sizes)
        if hard:
            members = np.eye(K)[members.argmax(axis=1)]
        now = float((joint.max(axis=1) if hard else logsumexp(joint, axis=1)).sum()) - price
        if now - last <= SETTLED * len(votes):
            break
        last = now
    return Clusters(tastes, sizes, members, now)


def _explained(votes: Votes, tastes: Floats) -> Floats:
    """log Π_j P_k(vote j of u) [people, K]."""
    said = log_likelihood(votes.projected(tastes.T), votes.share[:, None])
    return by_person(votes, votes.weight[:, None] * said)


def _posterior(explained: Floats, sizes: Floats) -> Floats:
    return np.asarray(softmax(explained + np.log(sizes), axis=1), dtype=np.float64)


def _seeded(votes: Votes, crowd: Floats, clusters: int, seed: Sequence[int]) -> Floats:
    """A first guess: k-means on what each person's votes pull the crowd's taste towards, by their number of votes."""
    from scipy.cluster.vq import kmeans2

    rng = np.random.default_rng(seed)
    if clusters == 1:
        return np.ones((votes.people, 1))
    missed = votes.weight * (votes.share - expit(votes.projected(crowd[:, None])[:, 0]))
    pull = np.zeros((votes.people, len(crowd)))
    for rows in votes.chunks():
        who = votes.person[rows]
        starts = np.flatnonzero(np.diff(who, prepend=-1))
        pull[who[starts]] += np.add.reduceat(votes.difference(rows) * missed[rows, None], starts, axis=0)
    pull /= np.sqrt(np.maximum(by_person(votes, votes.weight), 1.0))[:, None]
    left, size, _ = np.linalg.svd(pull, full_matrices=False)
    scores = left[:, :clusters] * size[:clusters]
    voted = np.flatnonzero(np.diff(votes.starts))
    centres = scores[rng.choice(voted, size=min(clusters, len(voted)), replace=False)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a cluster may begin empty: everybody has some share of each
        centres, labels = kmeans2(scores, centres, minit="matrix", missing="warn", check_finite=False)
    guess = np.full((votes.people, clusters), 0.2 / clusters)
    guess[np.arange(votes.people), labels] += 0.8
    return guess
