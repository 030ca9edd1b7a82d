"""Our block of config.json is read strictly, whoever wrote it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from polypref.errors import PolyprefError
from polypref.models.backbones import BackboneSettings
from polypref.models.block import block_of, head_of_block


def configuration(block, logits=4):
    return SimpleNamespace(to_dict=lambda: {"polypref": block}, num_labels=logits)


def head(block, logits=4):
    return head_of_block(block_of(configuration(block, logits), "folder"), "folder", logits)


SOUND = {"version": 1, "head": "general", "settings": {"dim": 4}}
LABELLED = {"version": 1, "head": "distributional", "settings": {"labels": [0, 0.5, 1]}}


def test_the_first_version_s_blocks_stay_readable():
    assert head(SOUND).settings()["dim"] == 4
    assert block_of(configuration(SOUND), "folder").max_length is None
    assert head({**LABELLED, "training_opinion": [0.25, 0.5, 0.25], "training": {"seed": 1}}, 3).width == 3


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"settings": {"dim": 4.0}}, "dim"),
        ({"settings": {"dim": True}}, "dim"),
        ({"settings": {"dim": "4"}}, "dim"),
        ({"settings": {"dim": None}}, "dim"),
        ({"settings": {"dim": -4}}, "dim"),
        ({"settings": {"dim": 10**30}}, "folder"),
        ({"settings": [4]}, "settings"),
        ({"head": 5}, "head"),
        ({"head": ["general"]}, "head"),
        ({"max_length": "512"}, "max_length"),
        ({"max_length": 512.0}, "max_length"),
        ({"max_length": -1}, "max_length"),
        ({"max_length": 0}, "max_length"),
        ({"max_length": 10**30}, "max_length"),
        ({"state_token": "first"}, "state_token"),
        ({"state_token": "checkpoint"}, "state_token"),
        ({"training_opinion": 5}, "training_opinion"),
        ({"training_opinion": ["a"]}, "training_opinion"),
        ({"training_opinion": [0.5, float("nan")]}, "training_opinion"),
        ({"training_opinion": [0.5, 0.5]}, "training_opinion"),
        ({"version": "1"}, "version"),
        ({"version": True}, "version"),
        ({"version": [1] * 1000}, "version"),
    ],
)
def test_other_types_are_refused(change, word):
    with pytest.raises(PolyprefError, match=word) as caught:
        head({**SOUND, **change})
    assert "folder" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("labels", [["a", "b", "c"], "abc", 3, [0, None, 1], {"0": 1}, [[0], [1], [2]]])
def test_labels_are_numbers(labels):
    with pytest.raises(PolyprefError, match="folder"):
        head({**LABELLED, "settings": {"labels": labels}}, 3)


def test_what_is_asked_for_comes_before_what_was_saved():
    asked = BackboneSettings(dtype="bfloat16")
    saved = block_of(configuration({**SOUND, "state_token": "last"}), "folder")
    assert saved.loading(asked) == BackboneSettings(dtype="bfloat16", state_token="last")
    before = BackboneSettings(state_token="before_padding")
    assert saved.loading(before) == before
    assert block_of(configuration(SOUND), "folder").loading(asked) == asked
