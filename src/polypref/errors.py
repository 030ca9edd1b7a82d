"""Errors a user can mend: each is one sentence that says what was given, what was expected and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class PolyprefError(Exception):
    """Base of every error polypref raises on purpose; the command line shows its text and exits with status 2."""


class DataError(PolyprefError, ValueError):
    """A row or file that cannot be used. `file`, `row` and `field` may be unknown while the error travels upwards."""

    def __init__(
        self,
        reason: str,
        *,
        file: str | Path | None = None,
        row: int | None = None,
        field: str | None = None,
    ) -> None:
        self.reason = reason
        self.file = None if file is None else str(file)
        self.row = row  # 1-based; a line number where the file has lines
        self.field = field
        super().__init__(reason)

    def at(self, *, file: str | Path | None = None, row: int | None = None) -> DataError:
        """The same error with its place filled in where it was unknown."""
        return DataError(
            self.reason,
            file=self.file or file,
            row=self.row if self.row is not None else row,
            field=self.field,
        )

    def __str__(self) -> str:
        place = [self.file] if self.file else []
        place += [f"row {self.row}"] if self.row is not None else []
        place += [f"field {self.field}"] if self.field else []
        return f"{', '.join(place)}: {self.reason}" if place else self.reason


class Undefined(PolyprefError, ValueError):
    """The quantity asked for does not exist for these judgments (for instance: a ranking of unconnected responses)."""


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """The sentence about a name that nobody knows, with the nearest of those that are known."""
    import difflib

    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown {what} {name!r}; known are {', '.join(names)}{meant}"
