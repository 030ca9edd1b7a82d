"""Training for so many seconds, however many steps these are."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from accelerate.utils import gather_object  # type: ignore[import-untyped]
from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState
from transformers.trainer_utils import IntervalStrategy, SaveStrategy


class TimeLimit(TrainerCallback, ExportableState):
    """Ends training after the step in which the seconds run out, as if its steps had been made.

    What is spent on measuring and saving counts, too, and in a run that is resumed what was spent before its
    checkpoint. Of several processes all stop after the step in which they have run out for the slowest.

    Args:
        seconds: from the beginning of the first step.
        clock: tells seconds; `time.process_time` counts those of the processor.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self.before = 0.0  # spent before the run was resumed
        self._clock = clock
        self._started: float | None = None

    @property
    def spent(self) -> float:
        """Seconds of training so far."""
        return self.before + (0.0 if self._started is None else self._clock() - self._started)

    def state(self) -> dict[str, dict[str, float]]:
        """What is kept in a checkpoint."""
        return {"args": {"seconds": self.seconds}, "attributes": {"before": self.spent}}

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._started = self._clock()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if max(gather_object([self.spent])) < self.seconds:
            return
        control.should_training_stop = True
        if args.eval_strategy == IntervalStrategy.STEPS:
            control.should_evaluate = True
        if args.save_strategy == SaveStrategy.STEPS:
            control.should_save = True

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.before, self._started = self.spent, None
