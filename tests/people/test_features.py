"""Principal features: their scale, and what they keep."""

from __future__ import annotations

import numpy as np
import pytest

from polypref.errors import DataError
from polypref.people.features import principal_features


def test_features_keep_distances_in_one_unit() -> None:
    rng = np.random.default_rng(0)
    states = rng.normal(size=(200, 3)) @ rng.normal(size=(3, 7)) + 5
    found = principal_features(states, 16)
    features = found.of(states)
    assert features.shape == (200, 3)  # no more directions than there are
    assert features.mean(axis=0) == pytest.approx([0, 0, 0], abs=1e-9)
    assert features.var(axis=0).mean() == pytest.approx(1)
    ratio = np.linalg.norm(features[:100] - features[100:], axis=1) / np.linalg.norm(
        states[:100] - states[100:], axis=1
    )
    assert ratio == pytest.approx(np.full(100, ratio[0]))
    assert principal_features(states, 2).of(states).shape == (200, 2)


def test_states_that_are_all_the_same_are_refused() -> None:
    with pytest.raises(DataError, match="all states are the same"):
        principal_features(np.ones((4, 3)))
