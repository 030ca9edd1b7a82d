"""Folders appear whole or not at all: whatever interrupts a save, what loads is a whole model."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys

import pytest
from tests.tolerance import near

from polypref import Group
from polypref.errors import PolyprefError
from polypref.models.folders import SAVING, is_unfinished, remove_folder, staged_folder
from polypref.models.preference_model import PreferenceModel

GROUP = Group("Why?", ("So.", "the answer"))


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def write(folder, **files):
    with staged_folder(folder) as stage:
        for name, text in files.items():
            (stage / name.replace("_", ".")).write_text(text)


def test_a_folder_is_made_with_its_parents(tmp_path):
    write(tmp_path / "a" / "b", config_json="new")
    assert contents(tmp_path / "a" / "b") == {"config.json": "new"}


def test_files_of_the_same_name_are_replaced_and_others_stay(tmp_path):
    write(tmp_path, config_json="old", model_bin="old", notes_txt="mine")
    write(tmp_path, config_json="new", model_bin="new")
    assert contents(tmp_path) == {"config.json": "new", "model.bin": "new", "notes.txt": "mine"}


PARTS = {f"model-0000{k}-of-00003.safetensors": "old" for k in (1, 2, 3)} | {"model.safetensors.index.json": "old"}
WHOLE = {"model.safetensors": "old"}


@pytest.mark.parametrize("before", [PARTS, WHOLE], ids=["parts", "one file"])
@pytest.mark.parametrize("after", [{"model.safetensors"}, {name.replace("3.s", "2.s") for name in PARTS}])
def test_weights_of_the_model_before_do_not_stay_beside_the_new_one(tmp_path, before, after):
    mine = {"model-mine.safetensors": "mine", "polypref.safetensors": "mine", "notes.txt": "mine"}
    for name, text in {**before, **mine, "config.json": "old"}.items():
        (tmp_path / name).write_text(text)
    with staged_folder(tmp_path) as stage:
        for name in (*after, "config.json"):
            (stage / name).write_text("new")
    assert contents(tmp_path) == {**mine, **dict.fromkeys(after, "new"), "config.json": "new"}


def test_what_is_written_without_weights_leaves_them(tmp_path):
    write(tmp_path, config_json="old", model_safetensors="old")
    write(tmp_path, config_json="new")
    assert contents(tmp_path) == {"config.json": "new", "model.safetensors": "old"}


def test_a_smaller_model_in_the_place_of_one_in_parts_is_what_loads(built, tmp_path):
    large, small = built("llama"), built("llama", seed=3)
    large.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    large.encoder.classifier.save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    small.save_pretrained(tmp_path)
    assert [path.name for path in tmp_path.glob("model*")] == ["model.safetensors"]
    near(PreferenceModel.from_pretrained(tmp_path).states(GROUP), small.states(GROUP))


def fail_while_writing(tmp_path, error):
    with staged_folder(tmp_path) as stage:
        (stage / "config.json").write_text("half")
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("other"), MemoryError()])
def test_an_interrupted_write_changes_nothing(tmp_path, error):
    write(tmp_path, config_json="old", model_bin="old")
    with pytest.raises(type(error)):
        fail_while_writing(tmp_path, error)
    assert contents(tmp_path) == {"config.json": "old", "model.bin": "old"}


def test_a_full_disk_is_one_sentence_and_changes_nothing(tmp_path):
    write(tmp_path, config_json="old")
    with pytest.raises(PolyprefError, match=f"cannot write {tmp_path}: No space left on device"):
        fail_while_writing(tmp_path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert contents(tmp_path) == {"config.json": "old"}


def test_a_file_where_the_folder_should_be_is_one_sentence(tmp_path):
    (tmp_path / "model").write_text("a file")
    with pytest.raises(PolyprefError, match=r"cannot write .*model"):
        write(tmp_path / "model", config_json="new")


def die_before(monkeypatch, nth):
    """The process ends before the n-th file is moved."""
    moved = []
    replace = os.replace

    def dying(source, target):
        moved.append(target)
        if len(moved) == nth:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", dying)


@pytest.fixture
def saved(built, tmp_path):
    """A folder with a scalar model."""
    built("llama", "scalar").save_pretrained(tmp_path)
    return tmp_path


def test_a_disk_that_fills_up_in_the_middle_of_a_save_leaves_the_old_model(built, saved, monkeypatch):
    other = built("gpt2", "general", dim=4)

    def full(*_args, **_settings):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(other.inputs.tokenizer, "save_pretrained", full)  # after the weights
    with pytest.raises(PolyprefError, match="No space left on device"):
        other.save_pretrained(saved)
    monkeypatch.undo()
    near(PreferenceModel.from_pretrained(saved).states(GROUP), built("llama", "scalar").states(GROUP))
    assert not list(saved.glob(".saving-*"))


def test_a_save_that_dies_between_two_moves_leaves_nothing_that_loads(built, saved, monkeypatch):
    other = built("gpt2", "general", dim=4)
    for nth in (1, 2):
        with monkeypatch.context() as patch:
            die_before(patch, nth)
            with pytest.raises(KeyboardInterrupt):
                other.save_pretrained(saved)
        assert not (saved / "config.json").exists()
        with pytest.raises(PolyprefError, match="cannot load the folder"):
            PreferenceModel.from_pretrained(saved)
    other.save_pretrained(saved)
    near(PreferenceModel.from_pretrained(saved).states(GROUP), other.states(GROUP))


def test_what_an_earlier_model_left_beside_a_new_one_does_no_harm(built, saved):
    built("llama", "general", dim=4, gate=True).save_pretrained(saved)
    built("llama", "scalar").save_pretrained(saved)
    again = PreferenceModel.from_pretrained(saved)
    assert again.encoder.extra is None
    near(again.states(GROUP), built("llama", "scalar").states(GROUP))


def test_a_model_saved_in_one_file_over_one_in_many_is_the_one_that_loads(built, saved):
    """An index of shards that an earlier model left must not bring that model back."""
    built("llama", "scalar").encoder.classifier.save_pretrained(saved, max_shard_size="10KB")
    assert (saved / "model.safetensors.index.json").exists()
    other = built("gpt2", "scalar")
    other.save_pretrained(saved)
    near(PreferenceModel.from_pretrained(saved).states(GROUP), other.states(GROUP))


SAVER = """
import os, sys, time
from pathlib import Path
from polypref.models import folders

target, moment = Path(sys.argv[1]), sys.argv[2]

def wait():
    print(moment, flush=True)
    time.sleep(60)

replace = os.replace
def moving(source, to):
    if moment == f"before {Path(to).name}":
        wait()
    replace(source, to)
os.replace = moving
with folders.staged_folder(target) as stage:
    (stage / "config.json").write_text("new")
    if moment == "writing":
        wait()
    (stage / "model.bin").write_text("new")
"""


@pytest.mark.parametrize("moment", ["writing", "before model.bin", "before config.json"])
def test_what_a_killed_process_left_is_no_model_and_goes_and_what_a_living_one_writes_stays(moment, tmp_path):
    write(tmp_path, config_json="old", model_bin="old")
    with subprocess.Popen([sys.executable, "-c", SAVER, str(tmp_path), moment], stdout=subprocess.PIPE) as saver:
        assert saver.stdout.readline().decode().strip() == moment
        (stage,) = tmp_path.glob(f"{SAVING}*")
        assert is_unfinished(stage)
        if moment == "writing":  # another saves to the same place meanwhile
            write(tmp_path, notes_txt="mine")
            assert stage.exists()
        saver.send_signal(signal.SIGKILL)
        saver.wait()
    assert stage.exists()
    whole = moment == "writing"
    assert (tmp_path / "config.json").exists() == whole
    assert not whole or (tmp_path / "model.bin").read_text() == (tmp_path / "config.json").read_text() == "old"
    write(tmp_path, config_json="newer", model_bin="newer")
    assert not list(tmp_path.glob(f"{SAVING}*"))
    assert (tmp_path / "config.json").read_text() == (tmp_path / "model.bin").read_text() == "newer"


def test_a_stage_of_a_killed_process_is_refused_in_one_sentence(built, saved):
    stage = saved.rename(saved.with_name(f"{SAVING}abcdefgh"))
    with pytest.raises(PolyprefError, match="not written to its end"):
        PreferenceModel.from_pretrained(stage)
    with pytest.raises(PolyprefError, match="not written to its end"):
        PreferenceModel.from_backbone(str(stage))


def test_a_folder_that_is_being_removed_looks_like_a_model_at_no_time(tmp_path, monkeypatch):
    run = tmp_path / "run"
    for folder in (run, run / "checkpoint-1", run / "checkpoint-2"):
        folder.mkdir()
        for name in ("config.json", "model.bin", "complete"):
            (folder / name).write_text(name)
    seen = []
    unlink = type(run).unlink

    def watched(path, missing_ok=False):
        unlink(path, missing_ok=missing_ok)
        seen.append(sorted(str(left.relative_to(run)) for left in run.rglob("*") if left.is_file()))

    monkeypatch.setattr(type(run), "unlink", watched)
    monkeypatch.setattr("shutil.rmtree", lambda folder, ignore_errors: seen.append("rest"))
    remove_folder(run)
    assert [name for name in seen[2] if name.endswith("complete")] == []  # then no checkpoint is gone on from
    assert seen[-2] == ["checkpoint-1/model.bin", "checkpoint-2/model.bin", "model.bin"]
    assert seen[-1] == "rest"
    monkeypatch.undo()
    remove_folder(run)
    assert not run.exists()
    remove_folder(run)  # what is not there needs no removing
