"""Frozen backbones: features are computed once, depend on what they should, and give the very states of the model."""

from __future__ import annotations

import pytest
import torch

from polypref import PreferenceModel
from polypref.models.backbones import BackboneSettings
from polypref.models.encoder import StateEncoder
from polypref.training.frozen import _fingerprint
from polypref.training.recipe import train

from .conftest import make_backbone, make_groups, weights_of

GROUPS, HELD_OUT = make_groups(16), make_groups(6, seed=9)
FROZEN = {"frozen": True, "learning_rate": 0.05, "epochs": 4}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of this test alone."""
    monkeypatch.setenv("POLYPREF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "features"


@pytest.fixture
def computed(monkeypatch):
    """How many packs the backbone has read."""
    count = [0]
    real = StateEncoder.features

    def features(encoder, pack):
        count[0] += 1
        return real(encoder, pack)

    monkeypatch.setattr(StateEncoder, "features", features)
    return count


@pytest.mark.parametrize("backbone", ["llama", "bert"])
def test_another_head_trains_on_the_features_of_the_first(settings, tmp_path, computed, cache, backbone):
    train(settings(backbone, **FROZEN), GROUPS, HELD_OUT)
    assert computed[0] > 0
    assert len(list(cache.iterdir())) == 2  # of the training and the held-out groups
    computed[0] = 0
    for head in ("scalar", "general", "gaussian"):
        train(settings(backbone, **FROZEN, head=head, out=str(tmp_path / head)), GROUPS, HELD_OUT)
    assert computed[0] == 0
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("backbone", ["llama", "bert", "roberta"])
def test_only_the_state_layer_changes(settings, tiny, backbone):
    before = PreferenceModel.from_backbone(tiny(backbone), "general").encoder
    result = train(settings(backbone, **FROZEN, head="general"), GROUPS)
    layer = {name for name, p in before.named_parameters() if any(p is new for new in before.new_parameters())}
    after = dict(result.model.encoder.named_parameters())
    changed = {name for name, p in before.named_parameters() if not torch.equal(p, after[name])}
    assert changed == layer


@pytest.mark.parametrize("backbone", ["llama", "bert", "roberta"])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_saved_model_is_as_good_as_training_said(settings, tmp_path, backbone, seed):
    """Also where layers between backbone and state layer are new, which are others for every seed."""
    train(settings(backbone, **FROZEN, seed=5, out=str(tmp_path / "first")), GROUPS, HELD_OUT)
    result = train(settings(backbone, **FROZEN, seed=seed), GROUPS, HELD_OUT)
    again = train(  # the learning rate is too small to change anything
        settings(str(result.out), frozen=True, learning_rate=1e-12, out=str(tmp_path / "again")), GROUPS, HELD_OUT
    )
    assert again.metrics["eval_loss"] == pytest.approx(result.metrics["eval_loss"], rel=1e-4)


def test_features_of_other_weights_in_the_same_place_are_computed_anew(settings, tmp_path, computed):
    place = make_backbone("llama", tmp_path / "backbone")
    train(settings(place, **FROZEN, out=str(tmp_path / "a")), GROUPS)
    computed[0] = 0
    make_backbone("llama", tmp_path / "backbone", seed=6)
    train(settings(place, **FROZEN, out=str(tmp_path / "b")), GROUPS)
    assert computed[0] > 0


def test_cached_features_give_the_very_same_weights(settings, tmp_path):
    for name in ("first", "second"):
        train(settings(**FROZEN, head="general", out=str(tmp_path / name)), GROUPS)
    torch.testing.assert_close(weights_of(tmp_path / "first"), weights_of(tmp_path / "second"), rtol=0, atol=0)


def test_a_pair_head_can_be_trained_on_features(settings):
    result = train(settings("bert", **FROZEN, head="pair"), GROUPS, HELD_OUT)
    assert "eval_accuracy" in result.metrics


def test_features_read_in_another_way_are_computed_anew(settings, computed, tmp_path):
    train(settings(**FROZEN, out=str(tmp_path / "a")), GROUPS)
    computed[0] = 0
    train(settings(**FROZEN, out=str(tmp_path / "b"), state_token="before_padding"), GROUPS)
    assert computed[0] == 0  # as the checkpoint says
    train(settings(**FROZEN, out=str(tmp_path / "c"), state_token="last"), GROUPS)
    assert computed[0] > 0


def test_kept_features_have_a_name_for_every_way_of_reading(tiny):
    def name(change=lambda encoder: None, **choice):
        model = PreferenceModel.from_backbone(tiny("llama"), backbone=BackboneSettings(**choice))
        change(model.encoder)
        return _fingerprint([model.tokenize(GROUPS[0])], model, tiny("llama"))

    def alone(encoder):
        encoder.reads_alone = True

    def by_its_own_forward(encoder):
        encoder.reads_last_token = False

    ways = [name(), name(alone), name(by_its_own_forward), name(state_token="last")]
    assert len(set(ways)) == 4
    assert name() == ways[0] == name(state_token="before_padding")
