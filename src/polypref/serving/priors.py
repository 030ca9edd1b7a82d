"""What a served model thinks of items, as the prior of live opinions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

import numpy as np

from polypref.groups.model import Group
from polypref.models.answer import Floats, StateAnswer
from polypref.serving.batching import Question
from polypref.serving.blending import learned_strength
from polypref.serving.hosting import Served
from polypref.serving.opinion import Prior

UNLEARNED = 2.0  # votes that a model counts as before anybody voted
_LEARN_FROM = 1000  # groups


def prior_of(served: Served, strength: float) -> Callable[[Group], Prior]:
    """The model's opinion of a group, as so many votes."""

    def made(group: Group) -> Prior:
        answer = _answer(served, group)
        labels = answer.labels
        same = labels is not None and group.scale == labels
        return Prior(answer.preferences, answer.opinions() if same else None, strength)

    return made


def strength_of(served: Served, groups: Iterable[Group]) -> float:
    """How many votes the model is worth, by what people said of these groups; see `learned_strength`."""
    opinions, counts = [], []
    for group in islice((group for group in groups if group.comparisons), _LEARN_FROM):
        P = _answer(served, group).preferences
        wins = _wins(group)
        for i, j in zip(*np.triu_indices(len(group), 1)):
            opinions.append([P[i, j], P[j, i]])
            counts.append([wins[i, j], wins[j, i]])
    return learned_strength(opinions, counts) if np.sum(counts) else UNLEARNED


def _answer(served: Served, group: Group) -> StateAnswer:
    """Asked in a thread of its own, never in the event loop."""
    return served.batcher.submit(Question(Group(group.prompt, group.responses, domain=group.domain))).result()


def _wins(group: Group) -> Floats:
    """Votes for i against j, `[K, K]`."""
    wins = np.zeros((len(group), len(group)))
    for one in group.comparisons:
        wins[one.i, one.j] += one.weight * one.p
        wins[one.j, one.i] += one.weight * (1 - one.p)
    return wins
