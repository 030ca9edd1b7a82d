"""Whom a model knows: each person's taste, kept in a file of its own beside the checkpoint, and deleted one by one."""

from __future__ import annotations

import difflib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from polypref.errors import DataError, PolyprefError
from polypref.files import write_whole
from polypref.groups.model import Group, shown
from polypref.models.embedded import BackboneError

PERSONS = "persons.json"
_VERSION = 1

Floats = npt.NDArray[np.float64]


class PersonError(PolyprefError):
    """A person whom a model does not know, or votes that do not tell a taste."""


@dataclass(frozen=True)
class Persons:
    """The tastes of persons by name, `[tastes]` each."""

    tastes: Mapping[str, tuple[float, ...]]

    def __len__(self) -> int:
        return len(self.tastes)

    def __contains__(self, name: str) -> bool:
        return name in self.tastes

    @property
    def names(self) -> tuple[str, ...]:
        """In the order in which they are kept."""
        return tuple(self.tastes)

    @property
    def matrix(self) -> Floats:
        """`[persons, tastes]`."""
        return np.array(list(self.tastes.values()), dtype=np.float64)

    def taste(self, name: str) -> tuple[float, ...]:
        """That of one person, by the very name that the data had."""
        self.check(name)
        return self.tastes[name]

    def without(self, name: str) -> Persons:
        """All others, as they are."""
        self.check(name)
        return Persons({other: taste for other, taste in self.tastes.items() if other != name})

    def check(self, name: str) -> None:
        """Refuse a name that nobody here has."""
        if name not in self.tastes:
            same = spelt_alike([name, *self.tastes]).get(_plain(name), ())
            near = [other for other in same if other != name] or difflib.get_close_matches(name, self.tastes, n=1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            raise PersonError(f"the model knows nobody called {shown(name)}, only {len(self):,} others{meant}")


class _Kept(BaseModel):
    """The file."""

    model_config = ConfigDict(strict=True, extra="forbid")

    version: int
    persons: dict[str, Annotated[list[FiniteFloat], Field(min_length=1)]]


def spelt_alike(names: Iterable[str]) -> dict[str, list[str]]:
    """Names that differ in capitals and blanks alone, by what they have in common."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in dict.fromkeys(names):
        found[_plain(name)].append(name)
    return {plain: several for plain, several in found.items() if len(several) > 1}


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def write_persons(persons: Persons, folder: Path) -> None:
    """Write the file, whole or not at all."""
    kept = {"version": _VERSION, "persons": {name: list(taste) for name, taste in persons.tastes.items()}}
    write_whole(folder / PERSONS, json.dumps(kept, ensure_ascii=False, indent=1) + "\n")


def read_persons(folder: Path, tastes: int) -> Persons | None:
    """Those of a model folder, each with so many numbers; None where it has no such file."""
    path = folder / PERSONS
    if not path.is_file():
        return None
    persons = _read(path)
    wrong = next((name for name, taste in persons.tastes.items() if len(taste) != tastes), None)
    if wrong is not None:
        given = len(persons.tastes[wrong])
        raise BackboneError(f"{path} gives {shown(wrong)} {given} weights, where the model reads {tastes}")
    return persons


def forget(folder: str | Path, name: str) -> Persons:
    """Delete one person from a model folder; returns who stays.

    The weights of all others stay as they are, bit by bit, and so does the mean of the population.
    """
    path = Path(folder) / PERSONS
    if not path.is_file():
        raise DataError(f"has no {PERSONS}, so there is nobody to forget", file=folder)
    rest = _read(path).without(name)
    write_persons(rest, Path(folder))
    return rest


def _read(path: Path) -> Persons:
    try:
        kept = _Kept.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise BackboneError(f"{path} cannot be read: {error.errors()[0]['msg'][:200]}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BackboneError(f"{path} cannot be read: {error}") from error
    if kept.version != _VERSION:
        raise BackboneError(f"{path} was written by a newer polypref (version {kept.version}); update polypref")
    return Persons({name: tuple(taste) for name, taste in kept.persons.items()})


def check_votes(groups: Iterable[Group]) -> None:
    """Refuse a new person's judgments that compare no two responses."""
    groups = list(groups)
    if any(group.comparisons for group in groups):
        return
    ratings = sum(len(group.ratings) for group in groups)
    raise PersonError(
        f"the votes of a new person hold {ratings:,} ratings and no comparison of two responses, which a taste is told "
        "by: give comparisons, or derive them with polypref convert --pairs-from-ratings"
    )
