"""What clusters of people like, told by the pairs on which they differ from everybody else, and who is far from all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from polypref.people.clusters import Clusters
from polypref.people.likelihood import by_person
from polypref.people.votes import Votes

Floats = npt.NDArray[np.float64]

FAR = 3.0  # standard deviations by which somebody's votes fall short of what their cluster foretells
FEWEST = 5  # votes below which nobody is called far from all


@dataclass(frozen=True, slots=True)
class Liking:
    """A pair of responses on which a cluster differs from the others."""

    preferred: int  # a row of the states
    other: int
    within: float  # the cluster's probability of preferring it
    elsewhere: float  # that of all the others, by their sizes


@dataclass(frozen=True, slots=True)
class Far:
    """Somebody whose votes no cluster explains."""

    name: str
    votes: int
    cluster: int  # the one that explains them best
    shortfall: float  # in standard deviations


def likings(votes: Votes, clusters: Clusters, most: int = 3) -> list[list[Liking]]:
    """For each cluster, the pairs voted on where its probability differs most from the others'; no response twice."""
    pairs = np.unique(np.sort(np.stack([votes.first, votes.second], axis=1), axis=1), axis=0)
    along = votes.states @ clusters.tastes.T
    p = expit(along[pairs[:, 0]] - along[pairs[:, 1]])  # [pairs, K]
    return [_likings(pairs, p, clusters.sizes, k, most) for k in range(len(clusters.sizes))]


def _likings(pairs: npt.NDArray[np.int64], p: Floats, sizes: Floats, cluster: int, most: int) -> list[Liking]:
    others = np.delete(np.arange(len(sizes)), cluster)
    within = p[:, cluster]
    elsewhere = p[:, others] @ sizes[others] / sizes[others].sum() if len(others) else np.full(len(p), 0.5)
    found: list[Liking] = []
    used: set[int] = set()
    for at in np.argsort(-np.abs(within - elsewhere), kind="stable"):
        i, j = map(int, pairs[at])
        if used & {i, j}:
            continue
        used |= {i, j}
        a, b = float(within[at]), float(elsewhere[at])
        found.append(Liking(i, j, a, b) if a >= b else Liking(j, i, 1 - a, 1 - b))
        if len(found) == most:
            break
    return found


def far_from_all(votes: Votes, clusters: Clusters) -> list[Far]:
    """Persons whose votes fall short of what even their likeliest cluster foretells, the farthest first.

    With scores s_j and probabilities p_j of that cluster: z = Σ w(share − p)s / √(Σ w²·p(1 − p)·s²), which is standard
    normal for people who vote as the cluster does and −3 or less for one in 740 of them.
    """
    label = clusters.labels
    scores = votes.projected(clusters.tastes.T)[np.arange(len(votes)), label[votes.person]]
    p = expit(scores)
    short = by_person(votes, votes.weight * (votes.share - p) * scores)
    spread = np.sqrt(by_person(votes, votes.weight**2 * p * (1 - p) * scores**2))
    counts = np.diff(votes.starts)
    z = np.divide(short, spread, out=np.zeros_like(short), where=spread > 0)
    far = [u for u in np.argsort(z, kind="stable") if z[u] <= -FAR and counts[u] >= FEWEST]
    return [Far(votes.names[u], int(counts[u]), int(label[u]), float(-z[u])) for u in far]
