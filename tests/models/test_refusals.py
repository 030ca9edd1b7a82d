"""What cannot be loaded is refused in one sentence that names it."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from tests.models.conftest import make_checkpoint

from polypref.errors import PolyprefError
from polypref.models.backbones import BackboneSettings
from polypref.models.preference_model import PreferenceModel


@pytest.fixture(scope="session")
def _saved(built, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    built("llama", "general", dim=4, gate=True).save_pretrained(folder)
    return folder


@pytest.fixture
def saved(_saved, tmp_path):
    """A sound folder, to be damaged."""
    return shutil.copytree(_saved, tmp_path / "model")


def refusal(make, *words):
    with pytest.raises(PolyprefError) as caught:
        make()
    said = str(caught.value)
    assert "\n" not in said.strip()
    assert len(said) < 400
    for word in words:
        assert word in said
    return said


def edited(folder, change, file="config.json"):
    config = json.loads((folder / file).read_text())
    change(config)
    (folder / file).write_text(json.dumps(config))


def load(folder):
    return lambda: PreferenceModel.from_pretrained(folder)


def test_the_folder_is_sound_before_it_is_damaged(saved):
    assert load(saved)().head.name == "general"


@pytest.mark.parametrize("content", [b"", b"no tensors at all", b"\xff" * 64])
def test_damaged_weights(saved, content):
    (saved / "model.safetensors").write_bytes(content)
    refusal(load(saved), str(saved))


def test_weights_cut_short(saved):
    whole = (saved / "model.safetensors").read_bytes()
    (saved / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    refusal(load(saved), str(saved), "damaged")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"a": 1}'])
def test_a_damaged_configuration(saved, text):
    (saved / "config.json").write_text(text)
    refusal(load(saved), str(saved))


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "polypref.safetensors"])
def test_a_missing_file(saved, file):
    (saved / file).unlink()
    refusal(load(saved), str(saved))


def test_a_missing_tokenizer(saved):
    for file in saved.glob("tokenizer*"):
        file.unlink()
    refusal(load(saved), str(saved))


@pytest.mark.parametrize("text", ["", "{", "[]"])
@pytest.mark.parametrize("file", ["tokenizer.json", "tokenizer_config.json"])
def test_a_damaged_tokenizer(saved, file, text):
    (saved / file).write_text(text)
    refusal(load(saved), str(saved))


def test_a_damaged_prompt_gate(saved):
    (saved / "polypref.safetensors").write_bytes(b"no tensors")
    refusal(load(saved), str(saved), "polypref.safetensors")


def test_a_prompt_gate_of_another_size(saved):
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(3, 32), "bias": torch.zeros(3)}, saved / "polypref.safetensors")
    refusal(load(saved), str(saved), "polypref.safetensors")


def test_weights_without_the_classification_layer(saved):
    from safetensors.torch import load_file, save_file

    weights = load_file(saved / "model.safetensors")
    del weights["score.weight"]
    save_file(weights, saved / "model.safetensors", metadata={"format": "pt"})
    refusal(load(saved), str(saved), "score.weight")


def test_weights_of_another_size(saved):
    from safetensors.torch import load_file, save_file

    weights = load_file(saved / "model.safetensors")
    weights["score.weight"] = torch.zeros(7, 32)
    save_file(weights, saved / "model.safetensors", metadata={"format": "pt"})
    refusal(load(saved), str(saved))


@pytest.mark.parametrize(
    ("block", "word"),
    [
        ("general", "polypref"),
        ([], "polypref"),
        ({}, "polypref"),
        ({"version": 2, "head": "general", "settings": {}}, "newer polypref"),
        ({"version": 1}, "polypref"),
        ({"version": 1, "head": "psychic", "settings": {}}, "psychic"),
        ({"version": 1, "head": "general", "settings": {"sides": 3}}, "sides"),
        ({"version": 1, "head": "general", "settings": {"dim": 3}}, "dim"),
        ({"version": 1, "head": "general", "settings": {"dim": 8}}, "8"),
        ({"version": 1, "head": "general", "settings": "dim"}, "polypref"),
        ({"version": 1, "head": "general", "settings": {"dim": "four"}}, "polypref"),
    ],
)
def test_a_block_that_says_what_cannot_be(saved, block, word):
    edited(saved, lambda config: config.update(polypref=block))
    refusal(load(saved), word)


def test_a_classifier_with_three_labels_and_no_block(saved):
    def three(config):
        del config["polypref"]
        config.update(id2label={"0": "a", "1": "b", "2": "c"}, label2id={"a": 0, "b": 1, "c": 2})

    edited(saved, three)
    said = refusal(load(saved), str(saved), "no preference model", "3 labels")
    assert "polypref train" in said


def test_a_plain_language_model(tiny):
    refusal(load(tiny("llama")), "no preference model")


def test_a_folder_without_a_model(tmp_path):
    refusal(load(tmp_path), str(tmp_path), "folder")


def test_a_name_that_is_nowhere():
    refusal(load("nobody/nothing-of-that-name"), "nobody/nothing-of-that-name")
    refusal(lambda: PreferenceModel.from_backbone("./no such folder"), "no such folder")


def test_an_encoder_has_no_prompt_gate(tiny):
    refusal(lambda: PreferenceModel.from_backbone(tiny("bert"), "general", gate=True), "prompt gate", "decoder")


def test_an_unknown_head_or_setting(tiny):
    refusal(lambda: PreferenceModel.from_backbone(tiny("llama"), "psychic"), "psychic", "general")
    refusal(lambda: PreferenceModel.from_backbone(tiny("llama"), "general", sides=3), "sides", "dim")


@pytest.mark.parametrize("bits", ["4bit", "8bit"])
def test_quantisation_without_a_gpu(tiny, bits, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    settings = BackboneSettings(quantization=bits)
    refusal(lambda: PreferenceModel.from_backbone(tiny("llama"), backbone=settings), bits, "CUDA")


def test_an_architecture_that_is_no_sequence_classifier(saved):
    edited(saved, lambda config: config.update(model_type="vit", architectures=["ViTModel"]))
    refusal(load(saved), str(saved))


def test_a_tokenizer_that_cannot_tell_where_a_token_lies(tiny):
    from transformers import AutoTokenizer, ByT5Tokenizer

    from polypref.models.inputs import input_format

    refusal(lambda: input_format(ByT5Tokenizer(), "chat", 100), "ByT5Tokenizer")
    assert input_format(AutoTokenizer.from_pretrained(tiny("llama")), "chat", 100).max_length == 100


@pytest.mark.parametrize("name", ["llama", "bert"])
def test_a_backbone_without_some_of_its_weights(tiny, tmp_path, name):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(tiny(name), tmp_path / name)
    weights = load_file(folder / "model.safetensors")
    gone = next(key for key in weights if key.endswith(("0.mlp.up_proj.weight", "0.output.dense.weight")))
    for others in ({gone: torch.zeros(3, 3)}, {}):
        del weights[gone]
        weights |= others
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        refusal(lambda: PreferenceModel.from_backbone(str(folder)), str(folder), gone)


def test_a_padding_token_outside_the_vocabulary(saved):
    edited(saved, lambda config: config.update(pad_token_id=10**6))
    refusal(load(saved), str(saved))


def test_a_backbone_needs_no_pooler(tiny, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(tiny("bert"), tmp_path / "bert")
    weights = {key: t for key, t in load_file(folder / "model.safetensors").items() if "pooler" not in key}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert PreferenceModel.from_backbone(str(folder)).head.name == "scalar"


def test_a_decoder_whose_classification_layer_is_unknown(tmp_path):
    """CTRL reads from left to right, and calls the layer `classifier` as encoders do."""
    folder = make_checkpoint("ctrl", tmp_path / "ctrl")
    refusal(lambda: PreferenceModel.from_backbone(str(folder)), "CTRLForSequenceClassification", "left to right")


def test_an_encoder_that_reads_the_padding(tmp_path):
    """XLNet takes the last token of a row, padding or not."""
    folder = make_checkpoint("xlnet", tmp_path / "xlnet")
    refusal(lambda: PreferenceModel.from_backbone(str(folder)), "XLNetForSequenceClassification", "padding")


def test_a_device_that_is_not_there(tiny):
    refusal(lambda: PreferenceModel.from_backbone(tiny("llama"), device="toaster"), "toaster", "device")


def test_an_adapter_is_no_backbone(tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}")
    refusal(lambda: PreferenceModel.from_backbone(str(tmp_path)), "adapter", "from_pretrained")
