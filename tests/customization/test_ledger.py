"""What a folder was begun with: what may be added to it or changed, and what is refused."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import pytest

from polypref import PreferenceModel, customize, make_customize_config, save_groups
from polypref.customization import domain as stage_3
from polypref.customization import general as stage_2
from polypref.errors import PolyprefError
from tests.customization.conftest import DOMAIN_TASTE, tasteful


def test_other_settings_are_refused_in_a_folder_that_is_begun(customized, settings):
    customized(domains=None)
    with pytest.raises(PolyprefError, match="was made with other settings for general, seed"):
        customized(domains=None, seed=4, general={"eval_share": 0.3})


def test_what_no_stage_has_used_may_change(quick, monkeypatch):
    """A stage that fails before it has saved anything binds nobody; what a finished one used stays."""
    real = stage_2.train

    def fail(config, *others):
        raise PolyprefError("out of memory")

    for stage in (stage_2, stage_3):
        monkeypatch.setattr(stage, "train", fail)
    with pytest.raises(PolyprefError, match="out of memory"):
        quick(training={"batch_size": 16})
    monkeypatch.setattr(stage_2, "train", real)
    with pytest.raises(PolyprefError, match="out of memory"):
        quick(training={"batch_size": 8}, domains={"enrichment": 0.5})
    monkeypatch.setattr(stage_3, "train", real)
    with pytest.raises(PolyprefError, match="was made with other settings for training"):
        quick(training={"batch_size": 4}, domains={"enrichment": 0.3})
    quick(training={"batch_size": 8}, domains={"enrichment": 0.3})
    with pytest.raises(PolyprefError, match=r"was made with other settings for domains\.enrichment"):
        quick(training={"batch_size": 8}, domains={"enrichment": 0.5})


def test_a_domain_can_be_added(quick, settings, files):
    first = quick().domains["academy"]
    both = {name: files[name] for name in ("academy", "business")}
    found = quick(domains={"data": both}).domains
    assert (list(found), found["academy"]) == (["academy", "business"], first)
    assert quick().domains == {"academy": first}
    with pytest.raises(PolyprefError, match="other data than there are now for the general set helpful"):
        customize(make_customize_config(settings(general={"training": {"max_steps": 1}}, domains=None)))


def test_domains_can_be_added_to_a_finished_general_model(quick, customized, tmp_path):
    """So much of the general sets is set aside as the domains will choose by, unless they choose by another share."""
    customized(general={"training": {"max_steps": 1}}, domains=None)
    stamp = (tmp_path / "out" / "general" / "model.safetensors").stat().st_mtime_ns
    with pytest.raises(PolyprefError, match=r"the general set helpful, .*split alike \(eval_share, choose_share"):
        quick(domains={"choose_share": 0.5})
    assert list(quick(domains={"choose_share": 0.1}).domains) == ["academy"]
    assert (tmp_path / "out" / "general" / "model.safetensors").stat().st_mtime_ns == stamp


@pytest.mark.parametrize("start", ["model", "skip"])
def test_general_sets_that_nothing_was_trained_on_may_be_split_otherwise(customized, encoder, tmp_path, start):
    PreferenceModel.from_backbone(encoder, max_length=64).save_pretrained(tmp_path / "mine")
    general = {"model": str(tmp_path / "mine")} if start == "model" else {"skip": True}
    customized(general=general, domains=None)
    customized(general=general, domains={"choose_share": 0.5})
    with pytest.raises(PolyprefError, match="the general set helpful"):
        customized(general=general, domains=None)


def test_data_of_a_domain_that_has_made_nothing_can_be_corrected(quick, files, tmp_path, monkeypatch):
    first = quick().domains["academy"]
    own = tmp_path / "business.jsonl"
    save_groups(tasteful(30, ("blue", "red"), seed=6), own)
    both = {"data": {"academy": files["academy"], "business": str(own)}}
    with monkeypatch.context() as patched:
        patched.setattr(stage_3, "train", None)
        with pytest.raises(TypeError):
            quick(domains=copy.deepcopy(both))
    own.write_bytes(Path(files["business"]).read_bytes())
    assert quick(domains=copy.deepcopy(both)).domains["academy"] == first
    save_groups(tasteful(30, ("blue", "red"), seed=6), own)
    with pytest.raises(PolyprefError, match="other data than there are now for the domain business"):
        quick(domains=both)


def test_how_models_are_loaded_binds_stage_1_too(customized, tmp_path):
    (tmp_path / "out" / "instruction" / "run" / "checkpoint-1").mkdir(parents=True)
    customized(training={"dtype": "float32"}, domains=None)
    (tmp_path / "out" / "instruction" / "run" / "checkpoint-1" / "complete").touch()
    shutil.rmtree(tmp_path / "out" / "general")
    with pytest.raises(PolyprefError, match=r"other settings for training\.dtype \("):
        customized(training={"dtype": "bfloat16"}, domains=None)


def test_a_folder_that_is_a_model_is_refused(customized, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "config.json").write_text("{}")
    with pytest.raises(PolyprefError, match="already holds a model"):
        customized()


def test_a_file_in_the_place_of_the_folder_gets_one_sentence(customized, tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(PolyprefError, match=r"cannot write .*data\.json: "):
        customized()


def test_other_data_under_the_same_name_are_refused(quick, files, tmp_path):
    names = {name: tmp_path / f"{name}.jsonl" for name in ("helpful", "harmless", "academy")}
    for name, path in names.items():
        path.write_bytes(Path(files[name]).read_bytes())
    known = {
        "general": {"data": {name: str(names[name]) for name in ("helpful", "harmless")}},
        "domains": {"data": {"academy": str(names["academy"])}},
    }
    first = quick(**copy.deepcopy(known))
    for name, what in (("harmless", "the general set harmless"), ("academy", "the domain academy")):
        save_groups(tasteful(40, DOMAIN_TASTE, "red", seed=5), names[name])
        with pytest.raises(PolyprefError, match=f"was made of other data than there are now for {what}; go on with"):
            quick(**copy.deepcopy(known))
        names[name].write_bytes(Path(files[name]).read_bytes())
    assert quick(**copy.deepcopy(known)) == first
