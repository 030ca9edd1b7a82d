"""Training that ends when its seconds are over: after which step, with what measured and kept, and resumed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import TrainerCallback

from polypref import PreferenceModel
from polypref.training.config import ConfigError, make_config
from polypref.training.recipe import train
from polypref.training.time_limit import TimeLimit

from .conftest import make_groups

GROUPS, HELD_OUT = make_groups(24), make_groups(8, seed=1)  # 3 steps an epoch


class Clock:
    """Ten seconds pass with every step."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Passing(TrainerCallback):
    def __init__(self, clock):
        self.clock = clock

    def on_step_begin(self, args, state, control, **_):
        self.clock.now += 10


class Killed(Exception):
    """Stands for the end of the process."""


class Kills(TrainerCallback):
    def on_step_begin(self, args, state, control, **_):
        if state.global_step == 2:
            raise Killed


def limited(config, seconds, held_out=()):
    clock = Clock()
    limit = TimeLimit(seconds, clock=clock)
    return train(config, GROUPS, held_out, watchers=[Passing(clock), limit]), limit


@pytest.mark.parametrize(("seconds", "steps"), [(1, 1), (40, 4), (41, 5), (1e9, 6)])
def test_training_ends_after_the_step_in_which_the_seconds_run_out(settings, seconds, steps):
    result, limit = limited(settings(epochs=2), seconds)
    assert result.steps == steps
    assert limit.spent == 10 * steps


def test_the_model_is_whole_and_measured_where_it_ended(settings):
    result, _ = limited(settings(epochs=2, eval_steps=50, save_steps=50, best_metric="loss"), 20, HELD_OUT)
    assert {entry["step"] for entry in result.history if "eval_loss" in entry} == {2}
    assert result.metrics["eval_loss"] > 0
    assert PreferenceModel.from_pretrained(result.out).record["steps"] == 2


def test_a_run_that_goes_on_has_what_was_left_of_its_time(settings, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(TimeLimit.__init__, "__defaults__", (clock,))
    config = settings(epochs=3, save_steps=1, max_seconds=55)
    with pytest.raises(Killed):
        train(config, GROUPS, watchers=[Passing(clock), Kills()])
    kept = json.loads(Path(config.out, "checkpoint-2", "trainer_state.json").read_text())
    assert kept["stateful_callbacks"]["TimeLimit"]["attributes"] == {"before": 20.0}
    clock.now += 5000  # between the two
    assert train(config.model_copy(update={"resume": True}), GROUPS, watchers=[Passing(clock)]).steps == 6


def test_a_limit_that_is_no_time_is_refused():
    with pytest.raises(ConfigError, match="max_seconds is 0"):
        make_config({"max_seconds": 0})
