"""Votes on what a model's backbone makes of the responses, so that everything after it is arrays."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from polypref.errors import Undefined
from polypref.groups.model import Group
from polypref.models.features import read_features
from polypref.models.preference_model import PreferenceModel
from polypref.people.features import Features, principal_features
from polypref.people.votes import NOBODY, Votes, read_votes


def cached_votes(model: PreferenceModel, groups: Iterable[Group], most: int = 16) -> tuple[Votes, Features]:
    """The votes of everybody named, on the `most` principal features of the backbone, and how those are computed."""
    voted = [group for group in groups if any(c.annotator is not None for c in group.comparisons)]
    if not voted:
        raise Undefined(NOBODY)
    raw = [features for features, _ in read_features(model, voted)]
    features = principal_features(np.concatenate(raw), most)
    return read_votes((group, features.of(rows).astype(np.float32)) for group, rows in zip(voted, raw)), features
