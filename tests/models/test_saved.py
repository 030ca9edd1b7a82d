"""Saved models are read as they were saved: off the same token, whole or as an adapter on a base model."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from tests.models.test_domains import disturb
from tests.tolerance import ANOTHER_WAY, near
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from polypref import Group, PreferenceModel
from polypref.models.backbones import BackboneSettings
from polypref.models.customized import domain_folder
from polypref.models.domains import AdaptedEncoder, DomainModels, save_adapter
from polypref.models.inputs import Input
from polypref.models.lora import Lora

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning:")  # of peft
GROUP = Group("What is better?", ("The answer.", "A question"))  # each text ends with </s>
PAD, END = 0, 2
LAST, BEFORE = BackboneSettings(state_token="last"), BackboneSettings(state_token="before_padding")
GENERAL = {"head": "general", "dim": 4}


@pytest.fixture
def padded_by_its_end(tiny, tmp_path):
    """A tiny decoder of which </s> is the padding token too, so that the two ways of reading differ."""
    model = AutoModelForSequenceClassification.from_pretrained(tiny("llama")).base_model
    words = AutoTokenizer.from_pretrained(tiny("llama"))
    words.pad_token, model.config.pad_token_id = "</s>", END
    for part in (model, words):
        part.save_pretrained(tmp_path / "base")
    return str(tmp_path / "base")


def of_vanilla(folder, tokens, pad):
    """What transformers makes of an unpadded text."""
    vanilla = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    vanilla.config.pad_token_id = pad
    with torch.no_grad():
        return vanilla(torch.tensor([tokens])).logits.numpy()[0]


def test_a_whole_model_is_read_off_the_token_that_was_chosen(tiny, tmp_path):
    """Also where the padding token is none that a text ends with, so that nothing else in the folder says so."""
    model = PreferenceModel.from_backbone(tiny("llama"), **GENERAL, backbone=LAST)
    model.save_pretrained(tmp_path / "saved")
    assert json.loads((tmp_path / "saved" / "config.json").read_text())["polypref"]["state_token"] == "last"
    text = [3, 4, 5, PAD]
    expected = {token: of_vanilla(tmp_path / "saved", text, pad) for token, pad in (("last", None), ("before", PAD))}
    assert np.abs(expected["last"] - expected["before"]).max() > 1e-2
    items = [[Input(np.array(text, dtype=np.int32), 1, 0)]]
    for again in (
        model,
        PreferenceModel.from_pretrained(tmp_path / "saved"),
        PreferenceModel.from_backbone(str(tmp_path / "saved"), **GENERAL),
    ):
        near(again.encoder.states(items)[0][0].numpy(), expected["last"], roundings=ANOTHER_WAY)
    assert PreferenceModel.from_backbone(str(tmp_path / "saved"), "gaussian").state_token == "last"
    otherwise = PreferenceModel.from_pretrained(tmp_path / "saved", backbone=BEFORE)
    near(otherwise.encoder.states(items)[0][0].numpy(), expected["before"], roundings=ANOTHER_WAY)


@pytest.mark.parametrize(("base", "own", "other"), [(BEFORE, LAST, BEFORE), (LAST, BEFORE, LAST)])
def test_an_adapter_is_read_off_the_token_that_it_was_trained_with(padded_by_its_end, tmp_path, base, own, other):
    PreferenceModel.from_backbone(padded_by_its_end, **GENERAL, backbone=base).save_pretrained(tmp_path / "general")
    trained = PreferenceModel.from_backbone(str(tmp_path / "general"), **GENERAL, backbone=own, lora=Lora(rank=2))
    disturb(trained.encoder, seed=1)
    folder = domain_folder(tmp_path, "academy")
    save_adapter(trained, folder)
    merged = PreferenceModel.from_pretrained(folder)
    assert merged.state_token == own.state_token
    merged.save_pretrained(tmp_path / "merged")
    expected = of_vanilla(tmp_path / "merged", trained.tokenize(GROUP)[0].tokens.tolist(), None if own is LAST else END)
    beside = DomainModels.from_pretrained(tmp_path)
    assert type(beside["academy"].encoder) is not AdaptedEncoder  # the general model is read otherwise
    assert beside["general"].state_token == base.state_token
    for model in (trained, merged, beside["academy"]):
        near(model.states(GROUP)[0], expected, roundings=ANOTHER_WAY)
    otherwise = PreferenceModel.from_pretrained(folder, backbone=other)
    assert np.abs(otherwise.states(GROUP)[0] - expected).max() > 1e-2
    together = DomainModels.from_pretrained(tmp_path, backbone=own)  # asked for, of all of them
    assert type(together["academy"].encoder) is AdaptedEncoder
    near(together["academy"].states(GROUP)[0], expected, roundings=ANOTHER_WAY)


def test_what_an_older_model_does_not_say_is_read_as_its_configuration_says(padded_by_its_end, tmp_path):
    PreferenceModel.from_backbone(padded_by_its_end, **GENERAL).save_pretrained(tmp_path / "saved")
    path = tmp_path / "saved" / "config.json"
    config = json.loads(path.read_text())
    assert config["polypref"].pop("state_token") == "before_padding"
    path.write_text(json.dumps(config))
    assert PreferenceModel.from_pretrained(tmp_path / "saved").state_token == "before_padding"
    path.write_text(json.dumps({**config, "pad_token_id": None}))
    assert PreferenceModel.from_pretrained(tmp_path / "saved").state_token == "last"


def test_encoders_say_nothing_of_a_token(built, tmp_path):
    built("bert").save_pretrained(tmp_path)
    assert "state_token" not in json.loads((tmp_path / "config.json").read_text())["polypref"]
    assert PreferenceModel.from_pretrained(tmp_path).state_token is None
