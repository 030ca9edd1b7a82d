"""Features beside answers, from one pass: those that the last layer reads, and what the model says anyway."""

from __future__ import annotations

import numpy as np
import pytest
from tests.models.conftest import make_checkpoint

from polypref import Group, PreferenceModel
from polypref.models.features import read_features

GROUPS = [Group("tea or coffee", ["tea", "coffee", "nothing at all"]), Group("walk or swim", ["walk", "swim"])]


@pytest.mark.parametrize("family", ["bert", "llama"])
@pytest.mark.parametrize("head", ["scalar", "general"])
def test_features_and_answers_are_those_of_separate_passes(tmp_path, family, head):
    model = PreferenceModel.from_backbone(str(make_checkpoint(family, tmp_path)), head)
    inputs = [model.tokenize(group) for group in GROUPS]
    for (features, answer), apart, group in zip(
        read_features(model, GROUPS), model.encoder.all_features(inputs), GROUPS, strict=True
    ):
        np.testing.assert_allclose(features, apart.numpy(), atol=1e-5)
        np.testing.assert_allclose(answer.states, model.states(group), atol=1e-5)


def test_a_gate_does_not_stand_in_the_way(tmp_path):
    model = PreferenceModel.from_backbone(str(make_checkpoint("llama", tmp_path)), "general", gate=True)
    for (_, answer), group in zip(read_features(model, GROUPS), GROUPS, strict=True):
        np.testing.assert_allclose(answer.preferences, model.preferences(group), atol=1e-5)
