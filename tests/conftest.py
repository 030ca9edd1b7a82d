"""What several tests share."""

from __future__ import annotations

import os

# before NumPy and torch are imported, here or in a process that a test starts: workers beside each other, of which each
# would take all processors, wait for one another; `OMP_NUM_THREADS=2 pytest` tries others
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable
from pathlib import Path

import pytest

from polypref.cli import main

ROOT = Path(__file__).resolve().parents[1]


class Run:
    """What a command printed and how it ended."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


@pytest.fixture
def polypref(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """The command line, in this process: `polypref("inspect", path)`."""

    def run(*arguments: object) -> Run:
        monkeypatch.setattr("sys.argv", ["polypref", *map(str, arguments)])
        status = 0
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
        captured = capsys.readouterr()
        return Run(status, captured.out, captured.err)

    return run
