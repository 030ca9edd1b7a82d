"""What a model reads of responses, once for all that is asked and doubted: features, and the shares it expects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polypref.groups.model import Group
from polypref.models.embedded import PREFIX

if TYPE_CHECKING:
    from polypref.models.loading import Loading
    from polypref.models.preference_model import PreferenceModel


def load_reader(name: str, loading: Loading) -> tuple[PreferenceModel, bool]:
    """A model to read responses with, and whether it has preferences of its own: an embedded backbone has none."""
    from polypref.models.preference_model import PreferenceModel

    if name.startswith(PREFIX):
        model = PreferenceModel.from_backbone(name, max_length=loading.max_length, device=loading.device)
        return model, False
    return loading.model(name), True


class Read(NamedTuple):
    """What is known of the responses of a pool before anybody is asked."""

    features: list[NDArray[np.float32]]  # [K, d] of each group, centred over them all and of mean length 1
    shares: NDArray[np.float64]  # that the model expects of the open pairs, in the order of a pool of the groups


def read_responses(
    model: PreferenceModel, groups: Iterable[Group], progress: Callable[[int], None] | None = None
) -> Read:
    """What a model's last layer reads of each group's responses, and what the model expects of pairs."""
    from polypref.collection.pool import open_pairs
    from polypref.models.features import read_features

    features, shares = [], []
    listed = list(groups)
    for group, (raw, answer) in zip(listed, read_features(model, listed)):
        features.append(raw)
        preferences = answer.preferences
        shares += [float(preferences[i, j]) for i, j in open_pairs(group)]
        if progress:
            progress(len(features))
    return Read(_in_one_unit(features), np.array(shares, dtype=np.float64))


def features_of(
    model: PreferenceModel, groups: Iterable[Group], progress: Callable[[int], None] | None = None
) -> list[NDArray[np.float32]]:
    """What a model's last layer reads [K, d] of each group's responses, centred over them all and of mean length 1."""
    return read_responses(model, groups, progress).features


def _in_one_unit(features: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    if not features:
        return features
    rows = np.concatenate(features)
    centre = rows.mean(axis=0)
    size = float(np.sqrt(np.square(rows - centre).sum(axis=1).mean())) or 1.0
    return [((part - centre) / size).astype(np.float32) for part in features]
