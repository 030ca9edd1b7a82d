"""Models by name: what can only be a folder is not sought on the hub, and mistakes are one sentence."""

from __future__ import annotations

import pytest
import torch

from polypref import DataError, PolyprefError, PreferenceModel
from polypref.models.loading import Loading

from .conftest import make_checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    backbone = make_checkpoint("bert", tmp_path_factory.mktemp("backbone"))
    saved = tmp_path_factory.mktemp("saved") / "model"
    PreferenceModel.from_backbone(str(backbone), "general").save_pretrained(saved)
    return saved


def test_a_folder_is_loaded_as_it_was_asked_for(folder):
    model = Loading(max_length=16, dtype="bfloat16", device="cpu").model(str(folder))
    assert (model.head.name, model.inputs.max_length, model.domain) == ("general", 16, None)
    assert {parameter.dtype for parameter in model.encoder.classifier.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize("name", ["/no/where", "./no", "~/no", "no/", "a/b/c"])
def test_a_name_that_can_only_be_a_folder_is_not_sought_on_the_hub(name):
    with pytest.raises(DataError, match=r"^there is no model folder '"):
        Loading().model(name)


def test_another_name_says_that_it_was_sought_there(folder):
    with pytest.raises(PolyprefError, match=r"^there is no folder 'no-such-model', so it was looked for on the hub: "):
        Loading().model("no-such-model")
    with pytest.raises(DataError, match=r"^there is no model folder 'org/name'$"):
        Loading().model("org/name", "own")
    with pytest.raises(PolyprefError, match=r"^unknown dtype 'float7'; known are float32, "):
        Loading(dtype="float7").model(str(folder))
