"""Files that appear whole or not at all: written under a temporary name, and renamed when done."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Optional, TypeVar

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
    with whole_path(path) as temporary, open(temporary, "r+b") as file:
        yield file
        file.close()  # before it takes its own name


@contextlib.contextmanager
def whole_path(path: str | Path) -> Iterator[Path]:
    """The name of an empty file to write into, which then takes the place of another."""
    folder, name = os.path.split(path)
    prefix = f".{name[:40]}."
    remove_left(folder, prefix, _ENDING)
    handle, temporary = _locked(lambda: tempfile.mkstemp(prefix=prefix, suffix=_ENDING, dir=folder))
    try:
        yield Path(temporary)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        os.close(handle)


@contextlib.contextmanager
def passing_folder(folder: str | Path, prefix: str) -> Iterator[Path]:
    """An empty folder inside another, which is there for as long as it is used.

    What killed processes left under such names is removed; what living ones use stays.
    """
    remove_left(folder, prefix)
    handle, temporary = _locked(lambda: _made_folder(folder, prefix))
    try:
        yield Path(temporary)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if handle is not None:
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


Handle = TypeVar("Handle", int, Optional[int])


def _locked(make: Callable[[], tuple[Handle, str]]) -> tuple[Handle, str]:
    while True:
        handle, temporary = make()
        if handle is None:
            return handle, temporary
        _lock(handle)  # where a file system has no locks, nobody can take one and remove it either
        if os.path.exists(temporary):
            return handle, temporary
        os.close(handle)  # another writer took it for a dead one's before it was locked


def _made_folder(folder: str | Path, prefix: str) -> tuple[int | None, str]:
    temporary = tempfile.mkdtemp(prefix=prefix, dir=folder)
    return (None if sys.platform == "win32" else os.open(temporary, os.O_RDONLY)), temporary


def remove_left(folder: str | Path, prefix: str, ending: str = "") -> None:
    """Remove the files and folders of such names that no living process has locked."""
    ours = re.compile(re.escape(prefix) + _RANDOM + re.escape(ending))
    try:
        names = [name for name in os.listdir(folder) if ours.fullmatch(name)]
    except PermissionError:  # a folder may be written into and not listed
        return
    for name in names:
        left = os.path.join(folder, name)
        with contextlib.suppress(FileNotFoundError, PermissionError):  # done by now, or another user's
            is_folder = os.path.isdir(left)
            if is_folder and sys.platform == "win32":
                continue  # a folder has no handle to lock there
            handle = os.open(left, os.O_RDONLY if is_folder else os.O_RDWR)
            try:
                if _lock(handle):
                    shutil.rmtree(left, ignore_errors=True) if is_folder else os.unlink(left)
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
