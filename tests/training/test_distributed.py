"""Several processes reach the losses and weights of one, whatever each of them has to compute."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from polypref import PreferenceModel
from polypref.groups.writing import save_groups
from polypref.training.config import make_config
from polypref.training.recipe import train
from tests.processes import start_two

from .conftest import environment, losses_of, make_groups, weights_of

GROUPS = make_groups(16, most=6)
SETTINGS = {
    "head": "general",
    "head_settings.dim": 4,
    "epochs": 2,
    "learning_rate": 1e-3,
    "max_grad_norm": 1e9,
    "state_layer_rate": 1.0,
    "logging_steps": 1,
    "tokens_per_pass": 60,  # groups are split, and processes have different numbers of passes and packs
    "trainer.adam_epsilon": 1e-3,  # or Adam would blow up rounding errors of gradients near 0
}


@pytest.fixture(scope="module")
def place(tiny, tmp_path_factory):
    """A folder with the data, and the same run in one process in `one`."""
    folder = tmp_path_factory.mktemp("distributed")
    save_groups(GROUPS, folder / "data.jsonl")
    inner = {"head_settings": {"dim": 4}, "trainer": {"adam_epsilon": 1e-3}}
    one = {name: value for name, value in SETTINGS.items() if "." not in name} | inner
    train(make_config({**one, "backbone": tiny("llama"), "batch_size": 8, "out": str(folder / "one")}), GROUPS)
    return folder


def arguments(folder, tiny, name, *more):
    """Of a run with half of the batch in each of two processes."""
    words = ["train", "--data", str(folder / "data.jsonl"), "--backbone", tiny("llama"), "--batch-size", "4"]
    words += ["--out", str(folder / name)]
    for setting, value in SETTINGS.items():
        words += ["--set", f"{setting}={value}"]
    return [*words, *more]


def both_end(processes):
    for process in processes:
        status, _, told = process.ended()
        assert status == 0, told


def assert_like_one(folder, name):
    assert losses_of(folder / name) == pytest.approx(losses_of(folder / "one"), abs=1e-4)
    torch.testing.assert_close(weights_of(folder / name), weights_of(folder / "one"), rtol=0, atol=1e-4)
    expected = PreferenceModel.from_pretrained(folder / "one").preferences(GROUPS[0])
    assert PreferenceModel.from_pretrained(folder / name).preferences(GROUPS[0]) == pytest.approx(expected, abs=1e-4)


@pytest.mark.slow
def test_two_processes_with_copied_weights_reach_what_one_does(place, tiny):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "polypref"]
    command += arguments(place, tiny, "two")
    ended = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert_like_one(place, "two")
    assert ended.stderr.count("polypref: training: 16 groups") == 1  # only the first process tells


@pytest.mark.slow
def test_two_processes_with_spread_weights_reach_what_one_does_and_can_be_resumed(place, tiny):
    run = arguments(place, tiny, "spread", "--set", "trainer.fsdp=true")
    both_end(start_two(*run, first="tests.training.spread_on_cpu"))
    assert_like_one(place, "spread")
    (place / "spread" / "config.json").unlink()  # as if it had been killed while saving the model
    (place / "spread" / "checkpoint-4" / "complete").unlink()
    both_end(start_two(*run, "--resume", first="tests.training.spread_on_cpu"))
    assert_like_one(place, "spread")
