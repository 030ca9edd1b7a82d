"""Ctrl-C during training: the step is finished and a checkpoint written, from which the run can go on."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any

from transformers import TrainerCallback

from polypref.training.progress import Report


class StopOnInterrupt(TrainerCallback):
    """Among the `watchers` of a run, turns the first Ctrl-C into a checkpoint, and then a KeyboardInterrupt.

    The second stops at once. Of several processes each would stop at another step, so there the first does.
    """

    def __init__(self, report: Report) -> None:
        self.asked = False
        self._report = report
        self._before: Any = None  # the handler of Ctrl-C when no steps are made

    def __enter__(self) -> StopOnInterrupt:
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()
        self._report.close()

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        alone = int(os.environ.get("WORLD_SIZE", 1)) == 1 and threading.current_thread() is threading.main_thread()
        if alone and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._ask)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.asked:
            control.should_save = True

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.asked:
            control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.asked:
            raise KeyboardInterrupt

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._leave()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._leave()  # the next is taken as ever
        self.asked = True
        self._report.line("stopping after this step, with a checkpoint; Ctrl-C once more stops at once")

    def _leave(self) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None
