"""A model folder from a stranger is refused in one sentence, and nothing in it is run."""

from __future__ import annotations

import json
import pickle
import shutil

import pytest
from tests.models.test_refusals import edited, load, refusal

from polypref import Group
from polypref.customization.general import saved_head
from polypref.models.backbones import BackboneSettings
from polypref.models.preference_model import PreferenceModel
from polypref.models.screening import MOST_PER_BYTE, SLACK, check_size


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


@pytest.mark.parametrize("depth", [200, 100_000])
@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_nested_too_deeply(saved, file, depth):
    whole = json.loads((saved / file).read_text())
    text = json.dumps({**whole, "more": 0}).replace('"more": 0', '"more": ' + "[" * depth + "]" * depth)
    (saved / file).write_text(text)
    if file != "tokenizer_config.json" or depth > 1000:  # of which a key that nobody knows is kept
        refusal(load(saved), str(saved))


@pytest.mark.parametrize("value", [10**9, -1, 1e30, 10**30])
@pytest.mark.parametrize("key", ["num_labels", "num_hidden_layers", "num_attention_heads"])
def test_a_count_that_no_model_has(saved, key, value):
    edited(saved, lambda config: config.update({key: value}))
    refusal(load(saved), str(saved), key)


@pytest.mark.parametrize("value", [0, -32, 32.5, "wide", None, 10**6, 10**9, 10**30, [], {}])
@pytest.mark.parametrize("key", ["hidden_size", "intermediate_size", "vocab_size", "num_hidden_layers"])
def test_a_size_that_cannot_be(saved, key, value):
    edited(saved, lambda config: config.update({key: value}))
    refusal(load(saved), str(saved))


def test_a_base_model_with_too_long_a_path(tmp_path):
    for base in ("/a" * 5000, 5, ["a"], "a\0b"):
        (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}))
        refusal(load(tmp_path), "base model")


def test_a_size_is_measured_by_the_files(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"0" * 100)
    check_size(str(tmp_path), MOST_PER_BYTE * 100 + SLACK)
    refusal(lambda: check_size(str(tmp_path), MOST_PER_BYTE * 100 + SLACK + 1), str(tmp_path), "weights")


def with_template(saved, template):
    """A sound model with another chat template, wherever transformers keeps it."""
    (saved / "chat_template.jinja").write_text(template)

    def read():
        group = Group(prompt="Which?", responses=["this", "that one"])
        return PreferenceModel.from_pretrained(saved).preferences(group)

    return read


@pytest.mark.parametrize(
    "template",
    [
        "{{ 1 // 0 }}",
        "{{ messages.nothing.of_the_kind }}",
        "{{ raise_exception('no') }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ messages + 1 }}",
        "{{ 'x' * 10**10 }}",
        "{{ 'x' * 10000000000 }}",
        "{{ 'x' * 1000 * 1000 * 1000 }}",
        "{{ 'x'.center(10000000000) }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{{ 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' }}{% endfor %}",
        "{% for a in range(10**9) %}x{% endfor %}",
        "{% if %}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    ],
)
def test_a_template_that_fails_or_never_ends(saved, template):
    refusal(with_template(saved, template), "template")


def test_a_sound_template_is_rendered(saved):
    read = with_template(saved, "{% for m in messages %}{{ '-' * 3 ~ m['content'] }}{% endfor %}")
    assert read().shape == (2, 2)


def test_a_token_beyond_the_embeddings(saved):
    words = json.loads((saved / "tokenizer.json").read_text())
    (letter,) = [word for word, number in words["model"]["vocab"].items() if word == "W"]
    words["model"]["vocab"][letter] = 10**6
    (saved / "tokenizer.json").write_text(json.dumps(words))
    refusal(with_template(saved, "{{ messages[0]['content'] }}"), "token 1000000", "embeddings")


def test_an_unfinished_checkpoint_is_no_model(saved):
    folder = saved.rename(saved.parent / "checkpoint-5")
    refusal(load(folder), str(folder), "not written to its end")
    (folder / "complete").touch()
    assert load(folder)().head.name == "general"


READERS = [
    PreferenceModel.from_pretrained,
    PreferenceModel.from_backbone,
    lambda name: saved_head(name, BackboneSettings()),
]
read_by = pytest.mark.parametrize("read", READERS, ids=["from_pretrained", "from_backbone", "saved_head"])


@read_by
@pytest.mark.parametrize(
    "name",
    [
        "no/such/folder",
        "./x",
        "../x",
        "/none/at/all",
        "~/x",
        "a//b",
        "org/name/",
        "",
        "a\0b",
        "x" * 5000,
        "\ud800",
        "-rf",
    ],
)
def test_a_name_that_is_neither_a_folder_nor_an_id(read, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refusal(lambda: read(name), "is not there; expected the folder of a model, or a hub id such as 'org/name'")


@read_by
def test_a_file_is_no_folder(read, saved):
    refusal(lambda: read(str(saved / "model.safetensors")), "is a file; expected the folder of a model")


@read_by
def test_a_folder_without_its_weights(read, saved):
    (saved / "model.safetensors").unlink()
    refusal(lambda: read(str(saved)), str(saved), "lacks its weights")


@read_by
def test_a_checkpoint_that_was_not_written_to_its_end(read, saved):
    folder = saved.rename(saved.with_name("checkpoint-5"))
    refusal(lambda: read(str(folder)), str(folder), "not written to its end")


@pytest.mark.parametrize("read", [READERS[0], READERS[2]], ids=["from_pretrained", "saved_head"])
@pytest.mark.parametrize(
    ("base", "said"),
    [("./base", "pickled"), ("./nothing", "is not there"), ("../../x/y", "is not there"), ("a/b/c", "is not there")],
)
def test_an_adapter_on_a_base_that_is_not_to_be_opened(read, base, said, saved, tmp_path):
    (saved / "base").mkdir()
    shutil.copy2(saved / "config.json", saved / "base" / "config.json")
    (saved / "base" / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    (saved / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base, "r": 1, "lora_alpha": 1}))
    (saved / "model.safetensors").rename(saved / "adapter_model.safetensors")
    (saved / "config.json").unlink()
    refusal(lambda: read(str(saved)), "base model of the adapter", str(saved), said)
    assert not (tmp_path / "ran").exists()
