"""Votes on what a model's backbone makes of the responses, so that everything after it is arrays."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np

from polypref.errors import Undefined
from polypref.groups.model import Group
from polypref.models.answer import refuse_joint
from polypref.models.preference_model import WINDOW, PreferenceModel
from polypref.people.features import Features, principal_features
from polypref.people.votes import NOBODY, Numbers, Votes, read_votes


def backbone_features(model: PreferenceModel, groups: Iterable[Group]) -> list[Numbers]:
    """The features [K, hidden] of each group's responses that the model's state layer reads, in single precision."""
    refuse_joint(model.head, "features")
    model.encoder.eval()
    done: list[Numbers] = []
    source = iter(groups)
    while block := list(itertools.islice(source, WINDOW)):
        inputs = [model.tokenize(group) for group in block]
        done += [part.cpu().numpy() for part in model.encoder.all_features(inputs)]
    return done


def cached_votes(model: PreferenceModel, groups: Iterable[Group], most: int = 16) -> tuple[Votes, Features]:
    """The votes of everybody named, on the `most` principal features of the backbone, and how those are computed."""
    voted = [group for group in groups if any(c.annotator is not None for c in group.comparisons)]
    if not voted:
        raise Undefined(NOBODY)
    raw = backbone_features(model, voted)
    features = principal_features(np.concatenate(raw), most)
    return read_votes((group, features.of(rows).astype(np.float32)) for group, rows in zip(voted, raw)), features
