"""The people behind some data: their clusters, a map of their tastes, and what one answer for all costs whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from polypref.errors import Undefined
from polypref.groups.model import Group
from polypref.markup import cut
from polypref.models.preference_model import PreferenceModel
from polypref.people import Clusters, Tastes, Votes, aggregate, choose_clusters, fit_clusters, fit_tastes
from polypref.people.cached import cached_votes
from polypref.people.likelihood import by_person
from polypref.reporting.contents import Chapter, Cluster, Compromise, Crowd, Liked, Person
from polypref.statistics.resampling import Estimate

Floats = npt.NDArray[np.float64]
Spans = Sequence[tuple[int, int]]  # where the responses of each group begin and end among the states

FEWEST = 4  # persons of whom a chapter is made
_MOST_CLUSTERS, _RANK = 5, 4
_MOST_PERSONS = 600
_MOST_LIKED = 3
_MOST_VOTES = 64
_ALPHAS = (0.0, -0.25, -0.5, -1.0, -2.0, -4.0, -np.inf)
_PROMPT_LENGTH, _RESPONSE_LENGTH = 300, 500  # characters


def has_people(groups: Sequence[Group]) -> bool:
    """Whether data name enough annotators who voted on several prompts, so that one vote may foretell another."""
    voted = ({c.annotator for c in group.comparisons} for group in groups)
    times = Counter(name for names in voted for name in names if name is not None)
    return sum(count > 1 for count in times.values()) >= FEWEST


def people_chapter(
    title: str, data: Sequence[str], groups: Sequence[Group], name: str, model: PreferenceModel, seed: int = 0
) -> Chapter:
    """What is shown of the people who voted, on what this model's backbone makes of the responses.

    Undefined where that tells nothing: of a model that reads two responses together, or without decided held-out votes.
    """
    if model.head.joint:
        raise Undefined(f"{name} reads two responses together, and has no features of single ones")
    voted = [group for group in groups if any(c.annotator is not None for c in group.comparisons)]
    votes, _ = cached_votes(model, voted)
    return Chapter(title, tuple(data), (), crowd=crowd_of(name, voted, votes, seed=seed))


def crowd_of(name: str, groups: Sequence[Group], votes: Votes, *, seed: int = 0) -> Crowd:
    """The same from votes on the states of these groups' responses, one group after the other."""
    choice = choose_clusters(votes, range(1, min(_MOST_CLUSTERS, votes.people) + 1), seed=seed)
    clusters = fit_clusters(votes, choice.clusters, seed=seed)
    rank = min(_RANK, votes.states.shape[1])
    tastes = fit_tastes(votes, rank)
    ends = np.cumsum([0, *(len(group) for group in groups)]).tolist()
    spans = list(pairwise(ends))
    return Crowd(
        model=name,
        people=votes.people,
        votes=len(votes),
        log_losses={str(number): loss for number, loss in choice.losses.items()},
        persons=_persons(votes, clusters, tastes),
        clusters=_clusters(groups, spans, votes, clusters),
        by_votes=accuracy_by_votes(votes, rank, seed),
        compromises=compromises(votes, tastes.of(tastes.persons), spans),
    )


def _persons(votes: Votes, clusters: Clusters, tastes: Tastes) -> tuple[Person, ...]:
    """Everybody by the two principal directions of what sets tastes apart."""
    apart = tastes.of(tastes.persons) - tastes.crowd
    _, _, axes = np.linalg.svd(apart - apart.mean(axis=0), full_matrices=False)
    places = np.zeros((votes.people, 2))
    places[:, : len(axes[:2])] = apart @ axes[:2].T
    counts, labels = np.diff(votes.starts), clusters.labels
    every = -(-votes.people // _MOST_PERSONS)
    return tuple(
        Person(votes.names[u], int(counts[u]), int(labels[u]), (float(places[u, 0]), float(places[u, 1])))
        for u in range(0, votes.people, every)
    )


def _clusters(groups: Sequence[Group], spans: Spans, votes: Votes, clusters: Clusters) -> tuple[Cluster, ...]:
    leads = _leads(votes.states @ clusters.tastes.T, spans)  # [S, K]
    found = []
    for k, size in enumerate(clusters.sizes):
        others = np.delete(np.arange(len(clusters.sizes)), k)
        weights = clusters.sizes[others]
        elsewhere = leads[:, others] @ weights / weights.sum() if len(others) else leads[:, k]
        best, worst = (_extreme(sign * leads[:, k], spans) for sign in (1, -1))
        favourites, least = (
            tuple(
                Liked(
                    cut(groups[g].prompt_text, _PROMPT_LENGTH),
                    cut(groups[g].responses[row - spans[g][0]], _RESPONSE_LENGTH),
                    float(leads[row, k]),
                    float(elsewhere[row]),
                )
                for g, row in rows
            )
            for rows in (best, worst)
        )
        found.append(Cluster(float(size), int((clusters.labels == k).sum()), favourites, least))
    return tuple(found)


def _leads(utilities: Floats, spans: Spans) -> Floats:
    """How far each response [S, …] is ahead of the mean of its prompt."""
    ahead = np.empty_like(utilities)
    for start, end in spans:
        ahead[start:end] = utilities[start:end] - utilities[start:end].mean(axis=0)
    return ahead


def _extreme(lead: Floats, spans: Spans) -> list[tuple[int, int]]:
    """The groups whose best response is furthest ahead, with that response's row."""
    rows = [start + int(lead[start:end].argmax()) for start, end in spans]
    order = sorted(range(len(rows)), key=lambda g: -lead[rows[g]])
    return [(g, rows[g]) for g in order[:_MOST_LIKED]]


def accuracy_by_votes(votes: Votes, rank: int, seed: int = 0) -> dict[str, Estimate]:
    """Accuracy on a held-out quarter of everybody's prompts, from at most 0, 1, 2, 4, … of their other votes.

    Where votes tend to and in which directions people differ is learned from all of these. Held-out ties do not count.
    """
    known, held = votes.halves(0.25, seed)
    held = held.where(held.share != 0.5)
    if not len(known) or not len(held):
        raise Undefined("all votes that were held out are ties, or there are too few to hold any out")
    tastes = fit_tastes(known, rank)
    rng = np.random.default_rng(seed)
    order = np.lexsort([rng.random(len(known)), known.person])
    nth = np.empty(len(known), dtype=np.int64)  # in which place each vote stands among its person's
    nth[order] = np.arange(len(known)) - known.starts[known.person[order]]
    most = min(int(nth.max(initial=0)) + 1, _MOST_VOTES)
    found = {"no votes": _accuracy(held, tastes.preferences(held, None))}
    for count in [2**k for k in range(most.bit_length())]:
        persons = tastes.meet(known.where(nth < count))
        name = "1 vote" if count == 1 else f"{count} votes"
        found[name] = _accuracy(held, tastes.preferences(held, persons))
    return found


def _accuracy(held: Votes, p: Floats) -> Estimate:
    """With its interval over persons."""
    right = np.where(p == 0.5, 0.5, (p > 0.5) == (held.share > 0.5))
    hits, totals = by_person(held, held.weight * right), by_person(held, held.weight)
    value = float(hits.sum() / totals.sum())
    spread = 1.96 * float(np.sqrt(((hits - value * totals) ** 2).sum()) / totals.sum())
    return Estimate(value, max(value - spread, 0.0), min(value + spread, 1.0))


def compromises(votes: Votes, tastes: Floats, spans: Spans) -> tuple[Compromise, ...]:
    """What answers chosen by Agg_α of leads are worth to the mean and the worst-off of people with tastes [u, f]."""
    chosen: dict[float, list[tuple[float, float]]] = {alpha: [] for alpha in _ALPHAS}
    for start, end in spans:
        utilities = tastes @ votes.states[start:end].T  # [people, K]
        leads = utilities - utilities.mean(axis=1, keepdims=True)
        for alpha, found in chosen.items():
            taken = leads[:, int(aggregate(leads, alpha).argmax())]
            found.append((float(taken.mean()), float(taken.min())))
    return tuple(Compromise(alpha, *map(float, np.mean(found, axis=0))) for alpha, found in chosen.items())
