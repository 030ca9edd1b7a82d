"""Which prompts a report shows: the most cyclic, the most divisive, and those the models get most wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from polypref import choice
from polypref.groups.model import Group
from polypref.models.answer import Answer

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

EACH = 3  # prompts shown for each reason
MOST_RESPONSES = 12  # of one prompt; those with most votes
_DOUBT = 10.0  # votes to add to the denominator, so that a few votes do not look extreme
_CLIP = 1e-6  # predictions are kept this far from 0 and 1

CYCLIC, DIVISIVE, WRONG = "most cyclic votes", "votes split most evenly", "largest errors of the models"


def votes_of(group: Group) -> tuple[Floats, Floats]:
    """The pooled preference matrix and the numbers of votes, both [K, K]."""
    said = group.comparisons
    first = np.array([c.i for c in said], dtype=np.int64)
    second = np.array([c.j for c in said], dtype=np.int64)
    return choice.preference_matrix(first, second, [c.p for c in said], [c.weight for c in said], len(group))


def cycle_strength(P: Floats, W: Floats) -> float:
    """The weakest majority along the strongest cycle, with half a vote added to each side; 0 without a cycle."""
    if len(P) < 3 or np.count_nonzero(W) < 6:
        return 0.0
    cycles = choice.strongest_cycles((W * P + 0.5) / (W + 1), top=1)
    return cycles[0].strength if cycles else 0.0


def evenness(P: Floats, W: Floats) -> float:
    """Votes for the minority side of their pair, as a share of all votes and ten more."""
    minority = np.where(W > 0, np.minimum(P, 1 - P), 0.0)
    return float((W * minority).sum() / 2 / (W.sum() / 2 + _DOUBT))


def error(P: Floats, W: Floats, predicted: Floats) -> float:
    """Σ W·KL(P ‖ predicted) over pairs, per vote with ten more: the log loss above that of the votes themselves."""
    upper = np.triu_indices(len(P), 1)
    p, w, q = P[upper], W[upper], np.clip(predicted[upper], _CLIP, 1 - _CLIP)
    p, w, q = p[w > 0], w[w > 0], q[w > 0]
    entropy = -_xlogy(p, p) - _xlogy(1 - p, 1 - p)
    return float((w * (-_xlogy(p, q) - _xlogy(1 - p, 1 - q) - entropy)).sum() / (w.sum() + _DOUBT))


def choose_pairs(
    groups: Sequence[Group], predictions: Mapping[str, Sequence[Answer]], each: int = EACH
) -> dict[int, list[str]]:
    """Numbers of groups to show as matrices, with the reasons; those that fit several have several."""
    scores: dict[str, list[tuple[float, int]]] = {CYCLIC: [], DIVISIVE: [], WRONG: []}
    for number, group in enumerate(groups):
        if not group.comparisons:
            continue
        P, W = votes_of(group)
        scores[CYCLIC].append((cycle_strength(P, W), number))
        scores[DIVISIVE].append((evenness(P, W), number))
        known = [margins for one in predictions.values() if (margins := one[number].margins(len(group))) is not None]
        if known:
            scores[WRONG].append((float(np.mean([error(P, W, 0.5 + margins) for margins in known])), number))
    return _best(scores, each)


def choose_opinions(groups: Sequence[Group], most: int) -> list[int]:
    """Numbers of the groups whose ratings of one and the same response spread widest."""
    scores = [(spread, number) for number, group in enumerate(groups) if (spread := rating_spread(group)) > 0]
    return list(_best({DIVISIVE: scores}, most))


def rating_spread(group: Group) -> float:
    """Σ w·(label − mean of its response)² over the ratings that are numbers, per rating with ten more."""
    rated = [(r.i, float(r.label), r.weight) for r in group.ratings if not isinstance(r.label, str)]
    if not rated:
        return 0.0
    i, label, weight = (np.array(column) for column in zip(*rated))
    total = np.bincount(i, weight, len(group))
    mean = np.bincount(i, weight * label, len(group)) / np.where(total > 0, total, 1.0)
    return float((weight * (label - mean[i]) ** 2).sum() / (weight.sum() + _DOUBT))


def shown_responses(weight: Floats, most: int = MOST_RESPONSES) -> Ints:
    """The responses with most votes, in their own order."""
    return np.sort(np.argsort(-weight, kind="stable")[:most])


def _best(scores: Mapping[str, list[tuple[float, int]]], each: int) -> dict[int, list[str]]:
    chosen: dict[int, list[str]] = {}
    for reason, scored in scores.items():
        for score, number in sorted(scored, key=lambda entry: (-entry[0], entry[1]))[:each]:
            if score > 0:
                chosen.setdefault(number, []).append(reason)
    return chosen


def _xlogy(x: Floats, y: Floats) -> Floats:
    return np.where(x > 0, x * np.log(np.where(x > 0, y, 1.0)), 0.0)
