"""The progress bars of other libraries: on a terminal, and not in logs."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr


@contextmanager
def bars_on_terminals() -> Iterator[None]:
    """Without transformers' bars unless standard error is a terminal."""
    from transformers.utils import logging

    if sys.stderr.isatty() or not logging.is_progress_bar_enabled():
        yield
        return
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.enable_progress_bar()  # type: ignore[no-untyped-call]


@contextmanager
def all_bars_on_terminals() -> Iterator[None]:
    """The same for bars that ask nobody, as that of reading GGUF files: nothing but they may be written meanwhile."""
    with bars_on_terminals():
        if sys.stderr.isatty():
            yield
        else:
            with redirect_stderr(io.StringIO()):
                yield
