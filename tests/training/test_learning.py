"""What the methods are for: cycles that a scalar cannot learn, and crowds whose mean says too little."""

from __future__ import annotations

import numpy as np
import pytest

from polypref.groups.simulate import simulate
from polypref.training.config import make_config
from polypref.training.recipe import train


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("POLYPREF_CACHE", str(tmp_path / "cache"))


def learned(tmp_path, train_set, held_out, **settings):
    """The model of a run on the frozen embedded backbone."""
    known = {"backbone": "embedded:minilm", "frozen": True, "max_length": 128}
    out = tmp_path / f"{settings['head']}-{settings.get('objective')}"
    return train(make_config({**known, **settings, "out": str(out)}), train_set, held_out).model


def share_right(model, groups):
    """How often the model and the true population prefer the same response of a pair."""
    right = []
    for group, found in zip(groups, model.preferences(groups), strict=True):
        true = np.array(group.meta["truth"]["preferences"])
        i, j = np.triu_indices(len(group), 1)
        right += list((found[i, j] > 0.5) == (true[i, j] > 0.5))
    return float(np.mean(right))


def distance_to_truth(model, groups):
    """Mean W1 between the predicted and the true distribution over the labels 1 to 6."""
    return float(
        np.mean(
            [
                np.abs(np.cumsum(found - np.array(group.meta["truth"]["distributions"]), axis=1)).sum(1).mean()
                for group, found in zip(groups, model.distributions(groups), strict=True)
            ]
        )
    )


@pytest.mark.slow
def test_a_general_model_learns_rock_paper_scissors_on_new_prompts_and_a_scalar_cannot(tmp_path):
    groups = simulate("cyclic", 150, seed=1)
    parts = groups[:120], groups[120:]
    general = learned(tmp_path, *parts, head="general", epochs=40)
    scalar = learned(tmp_path, *parts, head="scalar", epochs=40)
    assert share_right(general, parts[1]) > 0.68
    assert share_right(scalar, parts[1]) < 0.6


@pytest.mark.slow
def test_transport_comes_nearer_to_a_divided_crowd_than_regression_on_its_mean(tmp_path):
    groups = simulate("divided", 80, seed=1)
    parts = groups[:60], groups[60:]
    settings = {"head": "distributional", "epochs": 40}
    transport = learned(tmp_path, *parts, **settings, objective="transport")
    regression = learned(tmp_path, *parts, **settings, objective="mean-squared")
    assert distance_to_truth(transport, parts[1]) < 0.9 * distance_to_truth(regression, parts[1])
