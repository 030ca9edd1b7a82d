"""What a run tells while it goes on: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

from transformers import EarlyStoppingCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from polypref.models.preference_model import PreferenceModel
from polypref.training.data import Tally
from polypref.training.time_limit import TimeLimit

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Report:
    """Tells nothing; the base of those that do."""

    def line(self, text: str) -> None:
        """Something worth reading later."""

    def step(self, done: int, total: int) -> None:
        """How far the run is."""

    def features(self, done: int, total: int) -> None:
        """How many groups' features are computed."""

    def close(self) -> None:
        """The run is over."""

    def data(self, train: Tally, held_out: Tally, max_length: int) -> None:
        """What became of the data."""
        self.line(_described("training", train))
        if held_out.groups:
            self.line(_described("held out", held_out))
        for what, tally in (("training", train), ("held-out", held_out)):
            if tally.cut_inputs:
                self.line(
                    f"{tally.cut_inputs:,} of {tally.inputs:,} {what} inputs are longer than {max_length:,} tokens: "
                    f"{tally.cut_tokens:,} tokens are cut in {tally.cut_groups:,} groups, from the "
                    "left of the prompt first"
                )


class PlainReport(Report):
    """Lines on standard error, and a bar there if it is a terminal."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )

    def line(self, text: str) -> None:
        print(f"polypref: {text}", file=sys.stderr, flush=True)

    def step(self, done: int, total: int) -> None:
        self._advance("training", done, total)

    def features(self, done: int, total: int) -> None:
        self._advance("reading with the backbone", done, total)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _advance(self, what: str, done: int, total: int) -> None:
        if self._bar is not None:
            if self._task is None:
                self._task = self._bar.add_task(what, total=total)
                self._bar.start()
            self._bar.update(self._task, description=what, completed=done, total=total)


class ModelWatcher(TrainerCallback, ABC):
    """A callback that looks at the model itself while it is trained."""

    @abstractmethod
    def meet(self, model: PreferenceModel) -> None:
        """Called once, before the training."""


class StepReporter(TrainerCallback):
    """Passes on what transformers' Trainer logs."""

    def __init__(self, report: Report) -> None:
        self.report = report

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        if state.is_world_process_zero:
            self.report.step(state.global_step, state.max_steps)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, float] | None = None,
        **_: object,
    ) -> None:
        if state.is_world_process_zero and logs and "train_runtime" not in logs:
            shown = ", ".join(f"{name} {value:.4g}" for name, value in logs.items() if name not in _UNSHOWN)
            self.report.line(f"step {state.global_step}/{state.max_steps}: {shown}")

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        self.report.close()


_UNSHOWN = {"epoch", "grad_norm"}


def callbacks(report: Report, patience: int | None, max_seconds: float | None = None) -> list[TrainerCallback]:
    """What watches a run."""
    watching: list[TrainerCallback] = [StepReporter(report)]
    if patience is not None:
        watching.append(EarlyStoppingCallback(early_stopping_patience=patience))
    if max_seconds is not None:
        watching.append(TimeLimit(max_seconds))
    return watching


def _described(what: str, tally: Tally) -> str:
    left_out = f"; {tally.unjudged:,} groups without a judgment to learn from are left out" if tally.unjudged else ""
    return f"{what}: {tally.groups:,} groups, {tally.comparisons:,} comparisons, {tally.ratings:,} ratings{left_out}"
