"""Real processes without the seconds of their imports: each is forked from one that has imported what they need.

What they share with the tests is nothing but files: they have a session, a folder and an environment of their own, and
can be killed. That a fresh interpreter finds all it needs is the business of tests/test_package.py.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import tempfile
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))  # where the other processes find `tests`

_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(["tests.preloaded"])


class Started:
    """A process that runs."""

    def __init__(self, does: Callable[..., None], what: Any, folder: Path, environment: Mapping[str, str]) -> None:
        self._printed = Path(tempfile.mkdtemp(prefix="polypref-process-"))
        weakref.finalize(self, shutil.rmtree, self._printed, ignore_errors=True)
        _start_forking()
        self._process = _FORKING.Process(target=_begin, args=(does, what, folder, environment, self._printed))
        self._process.start()

    @property
    def runs(self) -> bool:
        return self._process.is_alive()

    def kill(self) -> int:
        """End it as SIGKILL does, wherever it is; with which status it ended."""
        self._process.kill()
        return self.ended()[0]

    def ended(self, timeout: float = 300) -> tuple[int, str, str]:
        """Its exit status and what it printed and complained, once it has ended."""
        self._process.join(timeout)
        status = self._process.exitcode
        if status is None:
            self._process.kill()
            raise TimeoutError(f"still running after {timeout} s: {self._told('stderr')}")
        return status, self._told("stdout"), self._told("stderr")

    def _told(self, stream: str) -> str:
        path = self._printed / stream
        return path.read_text() if path.exists() else ""


def start(*arguments: object, folder: Path = ROOT) -> Started:
    """`polypref …` in a process of its own."""
    return Started(_command, [str(argument) for argument in arguments], folder, {})


def start_python(text: str, folder: Path = ROOT) -> Started:
    """A Python program, of which every warning is an error."""
    return Started(_program, text, folder, {})


def start_two(*arguments: object, first: str | None = None) -> list[Started]:
    """`polypref …` in two processes that know of each other, as torchrun starts them; `first` is imported before."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    together = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    words = [str(argument) for argument in arguments]
    return [
        Started(_imported_command, (first, words), ROOT, {**together, "RANK": rank, "LOCAL_RANK": rank})
        for rank in ("0", "1")
    ]


def _start_forking() -> None:
    """Unless it runs: from where `tests` is found, or what is to be imported before would be imported by each."""
    here = Path.cwd()
    os.chdir(ROOT)
    try:
        forkserver.ensure_running()
    finally:
        os.chdir(here)


def _begin(does: Callable[..., None], what: Any, folder: Path, environment: Mapping[str, str], printed: Path) -> None:
    """In the new process: leave what is shared, then do it."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    os.environ.update(environment)
    for number, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(printed / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
        os.close(file)
    does(what)


def _command(words: Sequence[str]) -> None:
    from polypref.cli import main

    sys.argv = ["polypref", *words]
    main()


def _imported_command(what: tuple[str | None, Sequence[str]]) -> None:
    first, words = what
    if first is not None:
        importlib.import_module(first)
    _command(words)


def _program(text: str) -> None:
    warnings.simplefilter("error")
    sys.path.insert(0, "")  # programs import what lies where they run
    exec(compile(text, "<program>", "exec"), {"__name__": "__main__"})
