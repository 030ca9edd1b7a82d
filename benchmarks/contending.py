"""Contenders that are measured in turns, each in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any


def measured(script: str, settings: dict[str, Any]) -> tuple[Any, float] | None:
    """What `script --contend SETTINGS` prints as JSON in its last line, and its peak resident GiB; None if it ran out
    of memory."""
    command = [sys.executable, script, "--contend", json.dumps(settings)]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        output.seek(0)
        printed = output.read().decode().strip().splitlines()
    if os.waitstatus_to_exitcode(status) == -signal.SIGKILL:
        return None
    if status:
        sys.exit(f"{settings['contender']} failed: {' '.join(command)}")
    return json.loads(printed[-1]), usage.ru_maxrss / 2**20


def clock() -> Any:
    """A callback of transformers' Trainer that notes the seconds of each optimiser step, and those of the processor."""
    from transformers import TrainerCallback

    class Clock(TrainerCallback):  # type: ignore[misc]
        def __init__(self) -> None:
            self.seconds: list[float] = []
            self.of_processor: list[float] = []

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.started = time.perf_counter(), time.process_time()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.seconds.append(time.perf_counter() - self.started[0])
            self.of_processor.append(time.process_time() - self.started[1])

    return Clock()
