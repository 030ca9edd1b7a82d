"""Files that appear whole or not at all: written under a temporary name, and renamed when done."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from polypref.errors import DataError

_ENDING = ".part"
_RANDOM = r"[a-z0-9_]{8}"  # what `tempfile` puts into its names


@contextlib.contextmanager
def replace_when_done(path: str | Path) -> Iterator[BinaryIO]:
    """`whole_file`, whose complaints are told as those of data."""
    check_name(path)
    path = os.path.realpath(path)
    try:
        with whole_file(path) as file:
            yield file
    except OSError as error:
        raise DataError(f"cannot be written ({error.strerror or error})", file=path) from None


@contextlib.contextmanager
def whole_file(path: str | Path) -> Iterator[BinaryIO]:
    """A binary file under a temporary name that takes its own name only when everything was written.

    What a killed writer of the same file left is removed; what one that still writes has locked stays.
    """
    path = os.path.realpath(path)  # behind a link, the file it points to is replaced, not the link
    if os.path.isdir(path):
        raise IsADirectoryError(0, "is a folder")
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as device:  # a pipe or /dev/null has no name to take over
            yield device
        return
    folder, name = os.path.split(path)
    prefix = f".{name[:40]}."
    _remove_left(folder, prefix)
    handle, temporary = _locked_part(folder, prefix)
    try:
        with open(os.dup(handle), "wb") as file:  # a codec may close it; the lock lasts as long as the handle
            yield file
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        os.close(handle)


def check_name(path: str | Path) -> None:
    """Refuse what no file system takes for a name."""
    name = str(path)
    if "\0" in name:
        raise DataError("is no name of a file: it has a NUL character", file=ascii(name))
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        raise DataError("is no name of a file: it has a lone surrogate", file=ascii(name)) from None


def write_whole(path: str | Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with whole_file(path) as file:
        file.write(text.encode())


def _locked_part(folder: str, prefix: str) -> tuple[int, str]:
    while True:
        handle, temporary = tempfile.mkstemp(prefix=prefix, suffix=_ENDING, dir=folder)
        _lock(handle)  # where a file system has no locks, nobody can take one and remove it either
        if os.path.exists(temporary):
            return handle, temporary
        os.close(handle)  # another writer took it for a dead one's before it was locked


def _remove_left(folder: str, prefix: str) -> None:
    ours = re.compile(re.escape(prefix) + _RANDOM + re.escape(_ENDING))
    try:
        names = [name for name in os.listdir(folder) if ours.fullmatch(name)]
    except PermissionError:  # a folder may be written into and not listed
        return
    for name in names:
        left = os.path.join(folder, name)
        with contextlib.suppress(FileNotFoundError, PermissionError):  # done by now, or another user's
            handle = os.open(left, os.O_RDWR)
            try:
                if _lock(handle):
                    os.unlink(left)
            finally:
                os.close(handle)


def _lock(handle: int) -> bool:
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another's, or a file system without locks
        return False
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
