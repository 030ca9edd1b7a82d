"""What a model's last layer reads of each response, beside what the model says, from one pass over the data."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from polypref.groups.model import Group
from polypref.models.answer import StateAnswer, refuse_joint
from polypref.models.preference_model import WINDOW, PreferenceModel


def read_features(model: PreferenceModel, groups: Iterable[Group]) -> Iterator[tuple[NDArray[np.float32], StateAnswer]]:
    """The features [K, hidden] of each group's responses, in order, and the model's answer."""
    refuse_joint(model.head, "features")
    model.encoder.eval()
    source = iter(groups)
    while window := list(itertools.islice(source, WINDOW)):
        inputs = [model.tokenize(group) for group in window]
        read = model.encoder.all_features_and_states(inputs)
        for group, of_group, (features, states) in zip(window, inputs, read):
            yield features.cpu().numpy(), model.answer(group, of_group, states)
