"""Pairs of responses that people may be asked about, and what is known of them so far, on cached features."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polypref.choice.linear_utility import LinearUtility, fit_linear_utility
from polypref.errors import PolyprefError
from polypref.groups.model import Group
from polypref.groups.pairs import pair_votes
from polypref.models.preference_model import PreferenceModel

Floats = NDArray[np.floating]
Indices = NDArray[np.intp]
_BATCH = 64  # groups read at a time


@dataclass(frozen=True, eq=False)
class Pairs:
    """m pairs of responses, each within a group."""

    group: Indices  # [m], which of the groups
    i: Indices  # [m], places in the group; i < j
    j: Indices
    first: Indices  # [m], rows of the features
    second: Indices

    def __len__(self) -> int:
        return len(self.i)


@dataclass(frozen=True, eq=False)
class Pool:
    """Pairs that nobody has judged, beside those that somebody has."""

    features: Floats  # [N, d] of all responses of all groups, in order
    open: Pairs
    judged: Pairs
    shares: NDArray[np.float64]  # of the votes on the judged pairs, that preferred i
    votes: NDArray[np.float64]

    def differences(self, pairs: Pairs) -> Floats:
        """f(y_i) − f(y_j) [m, d]."""
        return self.features[pairs.first] - self.features[pairs.second]

    def fit(self, ridge: float) -> LinearUtility:
        """What the votes so far say of the features."""
        return fit_linear_utility(self.differences(self.judged), self.shares, self.votes, ridge=ridge)


def make_pool(groups: Sequence[Group], features: Sequence[Floats]) -> Pool:
    """All pairs within the groups, with the features [K, d] of each group's responses."""
    for at, (group, of_group) in enumerate(zip(groups, features)):
        if of_group.ndim != 2 or len(of_group) != len(group):
            raise PolyprefError(
                f"group {at} has {len(group)} responses and features of shape {of_group.shape}; expected one row each"
            )
    if len(groups) != len(features) or not groups:
        raise PolyprefError(
            f"{len(groups)} groups with features of {len(features)}; expected as many, and at least one"
        )
    starts = np.cumsum([0, *(len(group) for group in groups)])
    votes = [pair_votes(group) for group in groups]
    judged = [(at, i, j) for at, said in enumerate(votes) for i, j in zip(said.first.tolist(), said.second.tolist())]
    known = set(judged)
    every = ((at, i, j) for at, group in enumerate(groups) for i in range(len(group)) for j in range(i + 1, len(group)))
    return Pool(
        features=np.concatenate(list(features)),
        open=_pairs([pair for pair in every if pair not in known], starts),
        judged=_pairs(judged, starts),
        shares=np.concatenate([said.share for said in votes]),
        votes=np.concatenate([said.votes for said in votes]),
    )


def _pairs(rows: Sequence[tuple[int, int, int]], starts: NDArray[np.integer]) -> Pairs:
    group, i, j = np.array(rows, dtype=np.intp).reshape(-1, 3).T
    return Pairs(group, i, j, starts[group] + i, starts[group] + j)


def features_of(
    model: PreferenceModel, groups: Iterable[Group], progress: Callable[[int], None] | None = None
) -> list[NDArray[np.float32]]:
    """What a model's last layer reads [K, d] of each group's responses, centred over them all and of mean length 1."""
    if model.head.joint:
        raise PolyprefError(f"a {model.head.name} head reads pairs, and has no features of one response")
    found: list[NDArray[np.float32]] = []
    model.encoder.eval()
    listed = list(groups)
    for start in range(0, len(listed), _BATCH):
        inputs = [model.inputs.sequences(group) for group in listed[start : start + _BATCH]]
        found += [part.cpu().numpy() for part in model.encoder.all_features(inputs)]
        if progress:
            progress(len(found))
    if not found:
        return found
    rows = np.concatenate(found)
    centre = rows.mean(axis=0)
    size = float(np.sqrt(np.square(rows - centre).sum(axis=1).mean())) or 1.0
    return [((part - centre) / size).astype(np.float32) for part in found]
