"""Ctrl-C in the midst of training: a checkpoint first, from which the run ends as one that was never stopped."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import torch
from transformers import TrainerCallback

from polypref.training.checkpoints import complete_checkpoints
from polypref.training.progress import Report
from polypref.training.recipe import train
from polypref.training.stopping import StopOnInterrupt

from .conftest import losses_of, make_groups, weights_of

GROUPS, HELD_OUT = make_groups(24), make_groups(8, seed=1)  # 3 steps an epoch


@pytest.fixture(autouse=True)
def at_a_terminal():
    """Ctrl-C does what it does there: what a shell starts in its background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Lines(Report):
    def __init__(self):
        self.lines = []
        self.closed = 0

    def line(self, text):
        self.lines.append(text)

    def close(self):
        self.closed += 1


class Interrupts(TrainerCallback):
    """Presses Ctrl-C as soon as an event of a step comes: so many times."""

    def __init__(self, event, step, times=1):
        self.step, self.times = step, times
        setattr(self, event, self._press)

    def _press(self, args, state, control, **_):
        if state.global_step == self.step:
            for _time in range(self.times):
                signal.raise_signal(signal.SIGINT)


def interrupted(config, presses, report):
    with pytest.raises(KeyboardInterrupt), StopOnInterrupt(report) as stop:
        train(config, GROUPS, HELD_OUT, watchers=[presses, stop])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return [folder.name for folder in complete_checkpoints(Path(config.out))]


@pytest.mark.parametrize(
    ("event", "step", "kept"),
    [("on_substep_end", 1, 2), ("on_step_begin", 4, 5), ("on_evaluate", 3, 3), ("on_save", 3, 3)],
    ids=["in a step", "in the second epoch", "while measuring", "while saving"],
)
def test_a_stopped_run_ends_as_if_it_had_not_been(settings, tmp_path, event, step, kept):
    longer = {"epochs": 3, "backbone": "dropping bert", "dropout": True}
    if event == "on_substep_end":
        longer |= {"accumulation": 2, "batch_size": 4}
    whole, stopped = settings(**longer, out=str(tmp_path / "whole")), settings(**longer)
    report = Lines()
    assert interrupted(stopped, Interrupts(event, step), report)[-1] == f"checkpoint-{kept}"
    assert report.lines == ["stopping after this step, with a checkpoint; Ctrl-C once more stops at once"]
    assert report.closed
    train(whole, GROUPS, HELD_OUT)
    train(stopped.model_copy(update={"resume": True}), GROUPS, HELD_OUT)
    torch.testing.assert_close(weights_of(tmp_path / "out"), weights_of(tmp_path / "whole"), rtol=0, atol=0)
    assert losses_of(tmp_path / "out") == losses_of(tmp_path / "whole")


def test_the_second_time_stops_at_once(settings):
    assert interrupted(settings(), Interrupts("on_step_begin", 1, times=2), Lines()) == []


def test_before_the_first_step_and_after_the_last_it_stops_at_once(settings):
    class Loading(Lines):
        def data(self, *_):
            signal.raise_signal(signal.SIGINT)

    report = Loading()
    with pytest.raises(KeyboardInterrupt), StopOnInterrupt(report) as stop:
        train(settings(), GROUPS, report=report, watchers=[stop])
    assert report.lines == []


def test_a_host_that_takes_ctrl_c_itself_keeps_it(settings):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with StopOnInterrupt(Lines()) as stop:
            train(settings(), GROUPS, watchers=[Interrupts("on_step_begin", 1), stop])
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
