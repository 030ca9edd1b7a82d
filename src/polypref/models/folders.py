"""Folders that appear whole or not at all: written beside their place, then moved file by file, one of them last."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from polypref.errors import PolyprefError
from polypref.files import passing_folder

LAST = "config.json"  # without it nothing loads the folder
_ID = re.compile(r"(embedded:)?[A-Za-z0-9]([\w.-]*[\w])?(/[A-Za-z0-9_]([\w.-]*[\w])?)?", re.ASCII)
_LONGEST_ID = 96  # characters, as the hub has it
_WEIGHTS = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors|model\.safetensors\.index\.json")
_LONGEST_NAME = 300  # characters of a name that are quoted
SAVING = ".saving-"  # what the names of folders begin with that are being written
COMPLETE = "complete"  # a file in a checkpoint of a run that is written when everything else is


@contextmanager
def staged_folder(target: Path, last: str = LAST) -> Iterator[Path]:
    """A folder to write a checkpoint into; on success its files replace those of the same name in `target`.

    Other files in `target` stay, but for weights of the checkpoint before that the new one has no file for: loaders
    might take them for its own. A run that dies while writing leaves `target` as it was; one that dies while moving
    leaves it without the file named `last`, so that a half-written checkpoint never loads.
    """
    from safetensors import SafetensorError

    try:
        target.mkdir(parents=True, exist_ok=True)
        with passing_folder(target, SAVING) as stage:
            yield stage
            _move(stage, target, last)
    except (OSError, SafetensorError) as error:
        raise _unwritable(target, error) from error


def check_place(name: str) -> None:
    """Refuse a name that is neither that of a folder here nor can be a hub id."""
    try:
        if name and Path(name).is_dir():
            return
        looks_like_an_id = len(name) <= _LONGEST_ID and _ID.fullmatch(name) is not None
        if looks_like_an_id and not Path(name).is_absolute() and not Path(name).exists():
            return
    except (OSError, ValueError):  # too long, or with characters that no file has
        pass
    what = "is a file" if _is_file(name) else "is not there"
    raise PolyprefError(
        f"{name[:_LONGEST_NAME]!r} {what}; expected the folder of a model, or a hub id such as 'org/name'"
    )


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False


def is_unfinished(folder: Path) -> bool:
    """Whether a folder, by its name a checkpoint of a run or what is being saved, was not written to its end."""
    name = folder.resolve().name
    begun = name.startswith("checkpoint-") and not (folder / COMPLETE).exists()
    return folder.is_dir() and (begun or name.startswith(SAVING))


def remove_folder(folder: Path) -> None:
    """Delete a folder, first what makes it look like a model: a run may be killed in between."""
    for name in (COMPLETE, LAST):
        for path in folder.rglob(name):
            path.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _move(stage: Path, target: Path, last: str) -> None:
    names = sorted((path.name for path in stage.iterdir()), key=lambda name: name == last)
    for name in names:
        with open(stage / name, "rb+") as file:
            os.fsync(file.fileno())
    if last in names:
        (target / last).unlink(missing_ok=True)
    if any(map(_WEIGHTS.fullmatch, names)):
        for path in target.iterdir():
            if _WEIGHTS.fullmatch(path.name) and path.name not in names:
                path.unlink()
    for name in names:
        os.replace(stage / name, target / name)


def _unwritable(target: Path, error: Exception) -> PolyprefError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return PolyprefError(f"cannot write {target}: {reason}")
