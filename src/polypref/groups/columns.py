"""Columns under other names: which of them hold the fields that a format expects."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from polypref.errors import DataError
from polypref.groups.rows import RawRow

_MOST_SHOWN = 12  # names of columns in a message


class Columns:
    """A mapping of names, field → column, applied to the rows of one source; it knows which names no row had."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = dict(names)
        self._columns = set(self._names.values())
        self._unseen = set(self._columns)
        self._first: list[Any] = []  # the columns of the first row
        self._ended = False  # all rows were seen

    def applied(self, rows: Iterator[RawRow]) -> Iterator[RawRow]:
        """The rows with their fields under the names that formats expect. A column that is named takes the place of
        one that had this name already."""
        return self._applied(rows) if self._names else rows

    def _applied(self, rows: Iterator[RawRow]) -> Iterator[RawRow]:
        for number, value in rows:
            yield RawRow(number, value if isinstance(value, DataError) else self._renamed(value))
        self._ended = True

    def _renamed(self, row: dict[str, Any]) -> dict[str, Any]:
        self._first = self._first or list(row)
        self._unseen -= row.keys()
        given = {field: row[column] for field, column in self._names.items() if column in row}
        return {key: value for key, value in row.items() if key not in self._columns and key not in given} | given

    def check(self, rest: Iterator[RawRow], file: str | Path | None) -> None:
        """Refuse a name that no row has; `rest` are the rows not read yet. Of rows that cannot be read on, nothing
        is known."""
        if not self._unseen:
            return
        with contextlib.suppress(DataError):  # what is wrong with later rows is not what stopped the reading
            for _ in rest:
                if not self._unseen:
                    return
        if self._ended and self._first:
            field, column = next((field, name) for field, name in self._names.items() if name in self._unseen)
            known = ", ".join(" ".join(str(name).split()) for name in self._first[:_MOST_SHOWN])
            raise DataError(
                f"no row has {column!r}, which is named as the column of {field}; the first has {known}", file=file
            )


def parse_columns(text: str) -> dict[str, str]:
    """A mapping from "prompt=question,chosen=good": fields as a format calls them, and the columns that hold them."""
    names: dict[str, str] = {}
    for part in text.split(","):
        field, equals, column = (piece.strip() for piece in part.partition("="))
        if not (field and equals and column):
            raise DataError(f"columns are given as FIELD=COLUMN, such as prompt=question,chosen=good; got {text!r}")
        if field in names:
            raise DataError(f"columns name {field} twice, {names[field]!r} and {column!r}")
        names[field] = column
    return names
