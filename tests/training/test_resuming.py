"""A run that is killed goes on from its last complete checkpoint and ends with the weights it would have had."""

from __future__ import annotations

import json
import shutil
import signal
import time
from pathlib import Path

import pytest
import torch

from polypref import PreferenceModel
from polypref.errors import PolyprefError
from polypref.groups.writing import save_groups
from polypref.training import checkpoints
from polypref.training.config import ConfigError, make_config
from polypref.training.recipe import train
from tests.processes import start

from .conftest import losses_of, make_groups, weights_of

GROUPS = make_groups(24)
# dropout tells whether random states come back
LONGER = {"epochs": 3, "save_steps": 2, "backbone": "dropping bert", "dropout": True}


class Killed(Exception):
    """Stands for the end of the process."""


def killed_after(monkeypatch, saved):
    """End the run as soon as so many checkpoints are complete."""
    real = checkpoints.mark_complete
    count = [0]

    def mark(folder):
        real(folder)
        count[0] += 1
        if count[0] == saved:
            raise Killed

    monkeypatch.setattr("polypref.training.saving.mark_complete", mark)


def run_until_killed(monkeypatch, config, saved, groups=GROUPS, eval_groups=None):
    with monkeypatch.context() as patched:
        killed_after(patched, saved)
        with pytest.raises(Killed):
            train(config, groups, eval_groups)


@pytest.fixture(scope="module")
def unfinished(tiny, tmp_path_factory):
    """A run that was killed after its first checkpoint, and its configuration."""
    out = tmp_path_factory.mktemp("unfinished") / "out"
    dropping = {"backbone": tiny("dropping bert"), "dropout": True}
    config = make_config({**dropping, "out": str(out), "batch_size": 8, "epochs": 1, "save_steps": 2})
    with pytest.MonkeyPatch.context() as patched:
        killed_after(patched, 1)
        with pytest.raises(Killed):
            train(config, GROUPS)
    return config


@pytest.fixture
def killed(unfinished, tmp_path):
    """A copy of that run to go on from."""
    shutil.copytree(unfinished.out, tmp_path / "out")
    return unfinished.model_copy(update={"out": str(tmp_path / "out")})


def resumed(config):
    return config.model_copy(update={"resume": True})


def same_weights(a, b):
    torch.testing.assert_close(weights_of(Path(a)), weights_of(Path(b)), rtol=0, atol=0)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"backbone": "llama", "head": "general", "head_settings": {"dim": 4, "gate": True}, "tokens_per_pass": 60},
        {"backbone": "llama", "lora": {"rank": 2, "alpha": 4}},
        {"frozen": True, "head": "distributional"},
        {"accumulation": 2, "batch_size": 4},
    ],
    ids=["dropout", "gate", "lora", "frozen", "accumulated"],
)
def test_a_resumed_run_ends_with_the_very_weights_of_one_that_ran_through(settings, tmp_path, monkeypatch, changes):
    monkeypatch.setenv("POLYPREF_CACHE", str(tmp_path / "cache"))
    whole = settings(**{**LONGER, **changes, "out": str(tmp_path / "whole")})
    broken = settings(**{**LONGER, **changes})
    train(whole, GROUPS)
    run_until_killed(monkeypatch, broken, 2)
    train(resumed(broken), GROUPS)
    same_weights(whole.out, broken.out)
    assert losses_of(Path(broken.out)) == losses_of(Path(whole.out))


def test_a_run_begun_before_a_setting_was_known_goes_on_with_its_default(killed):
    path = Path(killed.out, "training.json")
    settings = json.loads(path.read_text())
    del settings["columns"]
    path.write_text(json.dumps(settings))
    with pytest.raises(PolyprefError, match=r"was started with columns \{\}, not \{'prompt': 'q'\}; "):
        train(resumed(killed.model_copy(update={"columns": {"prompt": "q"}})), GROUPS)
    assert train(resumed(killed), GROUPS).steps == 3


def test_a_run_killed_before_any_checkpoint_starts_again(settings, tmp_path, monkeypatch):
    config = settings(**LONGER)
    with monkeypatch.context() as patched:
        patched.setattr(
            "polypref.training.trainer.PreferenceTrainer.training_step", lambda *_: (_ for _ in ()).throw(Killed)
        )
        with pytest.raises(Killed):
            train(config, GROUPS)
    train(resumed(config), GROUPS)
    whole = settings(**LONGER, out=str(tmp_path / "whole"))
    train(whole, GROUPS)
    same_weights(whole.out, config.out)


def test_a_half_written_checkpoint_is_ignored_and_removed(settings, tmp_path, monkeypatch):
    config = settings(**LONGER)
    run_until_killed(monkeypatch, config, 2)
    half = Path(config.out) / "checkpoint-6"
    shutil.copytree(Path(config.out) / "checkpoint-4", half)
    (half / checkpoints.COMPLETE).unlink()
    (half / "model.safetensors").write_bytes(b"half")
    (Path(config.out) / ".saving-abcdefgh").mkdir()
    assert checkpoints.last_complete(Path(config.out)) == Path(config.out) / "checkpoint-4"
    train(resumed(config), GROUPS)
    whole = settings(**LONGER, out=str(tmp_path / "whole"))
    train(whole, GROUPS)
    same_weights(whole.out, config.out)
    assert not list(Path(config.out).rglob(".saving-*"))


@pytest.mark.slow
@pytest.mark.parametrize("saved", [0, 2])
def test_a_process_killed_at_any_moment_can_be_resumed(tiny, tmp_path, saved):
    save_groups(make_groups(40), tmp_path / "data.jsonl")
    command = ["train", "--data", str(tmp_path / "data.jsonl"), "--backbone", tiny("dropping bert"), "--epochs", "8"]
    command += ["--set", "dropout=true", "--batch-size", "8", "--set", "save_steps=3", "--out"]
    process = start(*command, tmp_path / "out")
    complete = tmp_path / "out" / f"checkpoint-{3 * saved}" / checkpoints.COMPLETE
    awaited = complete if saved else tmp_path / "out" / "training.json"
    deadline = time.monotonic() + 60
    while not awaited.exists() and process.runs and time.monotonic() < deadline:
        time.sleep(0.002)
    assert process.kill() == -signal.SIGKILL
    assert not (tmp_path / "out" / "config.json").exists()
    status, _, told = start(*command, tmp_path / "out", "--resume").ended()
    assert status == 0, told
    whole = {"epochs": 8, "batch_size": 8, "save_steps": 3, "out": str(tmp_path / "whole")}
    dropping = {"backbone": tiny("dropping bert"), "dropout": True}
    train(make_config({**whole, **dropping, "data": [str(tmp_path / "data.jsonl")]}))
    same_weights(tmp_path / "whole", tmp_path / "out")


def test_old_checkpoints_go_only_when_a_newer_one_is_complete(settings, monkeypatch):
    config = settings(**LONGER, keep_checkpoints=1)
    seen = []

    def mark(folder):
        seen.append([path.name for path in checkpoints.complete_checkpoints(folder.parent)])
        real(folder)

    real = checkpoints.mark_complete
    monkeypatch.setattr("polypref.training.saving.mark_complete", mark)
    train(config, GROUPS)
    assert seen == [[], ["checkpoint-2"], ["checkpoint-4"], ["checkpoint-6"], ["checkpoint-8"]]
    assert [path.name for path in Path(config.out).glob("checkpoint-*")] == ["checkpoint-9"]


def test_a_checkpoint_is_a_model_of_its_own(unfinished):
    model = PreferenceModel.from_pretrained(Path(unfinished.out) / "checkpoint-2")
    assert model.head.name == "scalar"
    assert model.preferences(GROUPS[0]).shape == (len(GROUPS[0]),) * 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"learning_rate": 0.5}, "was started with learning_rate None, not 0.5"),
        ({"head": "general"}, "was started with head 'scalar', not 'general'"),
    ],
)
def test_other_settings_cannot_be_resumed_with(unfinished, change, said):
    with pytest.raises(PolyprefError, match=said):
        train(resumed(unfinished).model_copy(update=change), GROUPS)


def test_logging_and_keeping_may_change(killed):
    train(resumed(killed).model_copy(update={"logging_steps": 5, "keep_checkpoints": 1}), GROUPS)


def test_an_unfinished_run_is_not_written_over(unfinished):
    with pytest.raises(PolyprefError, match=r"holds an unfinished run \(checkpoint-2\); add --resume"):
        train(unfinished, GROUPS)


@pytest.mark.parametrize("resume", [False, True])
def test_a_finished_model_is_not_written_over(settings, resume):
    config = settings()
    train(config, GROUPS[:8])
    before = weights_of(Path(config.out))
    with pytest.raises(PolyprefError, match="already holds a model; choose another --out"):
        train(config.model_copy(update={"resume": resume}), GROUPS[:8])
    torch.testing.assert_close(weights_of(Path(config.out)), before, rtol=0, atol=0)


def test_there_must_be_something_to_resume(settings):
    with pytest.raises(PolyprefError, match="holds no run to resume"):
        train(settings(resume=True), GROUPS)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("model.safetensors", "cut"),
        ("model.safetensors", "gone"),
        ("optimizer.pt", "cut"),
        ("optimizer.pt", "gone"),
        ("scheduler.pt", "cut"),
        ("rng_state.pth", "cut"),  # a checkpoint of several processes lacks it, so that it may be gone
        ("trainer_state.json", "cut"),
        ("trainer_state.json", "gone"),
    ],
)
def test_a_damaged_checkpoint_is_refused_in_one_sentence(killed, name, damage):
    path = Path(killed.out) / "checkpoint-2" / name
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(PolyprefError) as error:
        train(resumed(killed), GROUPS)
    assert "checkpoint-2 is " in str(error.value)
    assert "\n" not in str(error.value)


def test_patience_goes_on_where_it_was(settings, tmp_path, monkeypatch):
    """Both runs stop after the same evaluation."""
    watched = {**LONGER, "epochs": 12, "save_steps": 3, "eval_steps": 3, "best_metric": "loss", "patience": 2}
    watched["learning_rate"] = 0.05  # the held-out loss soon gets worse
    whole = settings(**watched, out=str(tmp_path / "whole"))
    broken = settings(**watched)
    held_out = make_groups(10, seed=9)
    expected = train(whole, GROUPS, held_out)
    assert expected.steps < 36
    run_until_killed(monkeypatch, broken, expected.steps // 3 - 1, eval_groups=held_out)
    found = train(resumed(broken), GROUPS, held_out)
    assert found.steps == expected.steps
    same_weights(whole.out, broken.out)


def test_a_run_of_an_older_version_goes_on(killed):
    """Settings that it did not know were as they are by default now."""
    path = Path(killed.out) / "training.json"
    known = json.loads(path.read_text())
    del known["state_token"]
    path.write_text(json.dumps(known))
    with pytest.raises(ConfigError, match="was started with state_token 'checkpoint', not 'last'"):
        train(resumed(killed).model_copy(update={"state_token": "last"}), GROUPS)
    assert train(resumed(killed), GROUPS).steps > 1
