"""What a model reads of responses, once for all that is asked and doubted: features, and the shares it expects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from polypref.errors import PolyprefError
from polypref.groups.model import Group
from polypref.models.embedded import PREFIX

if TYPE_CHECKING:
    from polypref.models.loading import Loading
    from polypref.models.preference_model import PreferenceModel

_BATCH = 64  # groups read at a time


def load_reader(name: str, loading: Loading) -> tuple[PreferenceModel, bool]:
    """A model to read responses with, and whether it has preferences of its own: an embedded backbone has none."""
    from polypref.models.preference_model import PreferenceModel

    if name.startswith(PREFIX):
        model = PreferenceModel.from_backbone(name, max_length=loading.max_length, device=loading.device)
        return model, False
    return loading.model(name), True


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


def expected_shares(model: PreferenceModel, groups: Sequence[Group]) -> NDArray[np.float64]:
    """The shares that a model expects of the open pairs of a pool of these groups, in its order."""
    from polypref.collection.pool import open_pairs

    found = []
    for group, answer in model.encode(groups):
        preferences = np.asarray(answer.preferences)
        found += [float(preferences[i, j]) for i, j in open_pairs(group)]
    return np.array(found, dtype=np.float64)
