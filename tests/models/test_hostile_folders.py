"""A model folder from a stranger is refused in one sentence, and nothing in it is run."""

from __future__ import annotations

import json
import pickle
import shutil

import pytest
from tests.models.test_refusals import load, refusal

from polypref.models.preference_model import PreferenceModel


@pytest.fixture(scope="session")
def _plain(built, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    built("llama", "general", dim=4).save_pretrained(folder)
    return folder


@pytest.fixture
def saved(_plain, tmp_path):
    """A sound folder, to be made hostile."""
    return shutil.copytree(_plain, tmp_path / "model")


class Bomb:
    """What runs when it is unpickled."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return (open, (str(self.place), "w"))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.ckpt"])
def test_pickled_weights_are_not_opened(saved, tmp_path, name):
    (saved / "model.safetensors").unlink()
    (saved / name).write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    for make in (load(saved), lambda: PreferenceModel.from_backbone(str(saved))):
        refusal(make, str(saved), "pickle", "safetensors", name)
    assert not (tmp_path / "ran").exists()


def sharded(saved, files):
    (saved / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": files}))
    (saved / "model.safetensors").rename(saved.parent / "elsewhere.safetensors")


@pytest.mark.parametrize("shard", ["../elsewhere.safetensors", "sub/elsewhere.safetensors", "..", "", "weights.bin"])
def test_an_index_that_points_elsewhere(saved, shard):
    sharded(saved, {"score.weight": shard})
    refusal(load(saved), str(saved), "index", "plain name")


def test_an_index_by_an_absolute_path(saved):
    sharded(saved, {"score.weight": str(saved.parent / "elsewhere.safetensors")})
    refusal(load(saved), "index", "plain name")


@pytest.mark.parametrize("files", [None, {}, [], "all", {"score.weight": 5}])
def test_an_index_that_is_none(saved, files):
    sharded(saved, files)
    refusal(load(saved), str(saved), "index")


def test_an_index_that_names_what_is_not_there(saved):
    sharded(saved, {"score.weight": "model-00001-of-00002.safetensors"})
    refusal(load(saved), str(saved), "model-00001-of-00002.safetensors")


def test_a_sound_index_is_read(saved):
    from safetensors import safe_open

    with safe_open(saved / "model.safetensors", framework="pt") as file:
        sharded(saved, dict.fromkeys(file.keys(), "part.safetensors"))
    (saved.parent / "elsewhere.safetensors").rename(saved / "part.safetensors")
    assert load(saved)().head.name == "general"
