"""Groups from files, Hugging Face datasets and standard input, whatever their format."""

from __future__ import annotations

import itertools
import os
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Union

from polypref.errors import DataError
from polypref.groups.formats import Format, Options, find_format, recognise
from polypref.groups.json_text import check_text
from polypref.groups.merging import Merger
from polypref.groups.model import Group
from polypref.groups.rows import STDIN, Progress, RawRow, read_rows

Source = Union[str, Path, Iterable[Mapping[str, Any]]]  # a path, "-", a hub id, or rows (a `datasets.Dataset`, a list)

_REPORT_EVERY = 4096  # groups between two reports of progress
_DEEPEST_ROW = 200  # levels, as JSON's reader takes them
_LOOKAHEAD = 20  # rows looked at to recognise the format
_DATA_FILE = re.compile(r"\.(jsonl?|csv|tsv|parquet|gz|zst)$")
_INDEX = re.compile(r"\[[0-9]+\]")  # where in a list a field is: the same complaint, wherever it is
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(\[[\w.-]+(/[\w.-]+)?\])?$")  # org/name, org/name[split], org/name[config/split]


class GroupReader:
    """The groups of one source, in order; afterwards `rows` and `skipped` say what was read and what was left out.

    Args:
        source: a file (JSON lines, JSON, CSV, Parquet; plain, gzip or zstd), "-" for standard input, a hub id such as
            "org/name" or "org/name[config/split]", or an iterable of rows such as a `datasets.Dataset`.
        format: the format's name; recognised from the first rows if left out.
        preferred: for the domain form, the domain whose responses count as preferred.
        skip_bad: leave out rows that cannot be used and count them, instead of stopping at the first.
        longest_row: of how many bytes a row may be, unpacked (64 MiB, or what `POLYPREF_LONGEST_ROW` says).
        progress: called with ("reading" or "merging", done, total) from time to time.
    """

    def __init__(
        self,
        source: Source,
        *,
        format: str | None = None,
        preferred: str | None = None,
        skip_bad: bool = False,
        longest_row: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        if longest_row is not None and longest_row <= 0:
            raise DataError(f"longest_row is {longest_row}; expected a number of bytes")
        self.source = source
        self.options = Options(preferred=preferred)
        self.skip_bad = skip_bad
        self.longest_row = longest_row
        self.progress = progress
        self.format: Format | None = find_format(format) if format else None
        self.rows = 0
        self.skipped: Counter[str] = Counter()  # reason → number of rows
        self.first_skipped: DataError | None = None

    @property
    def name(self) -> str | None:
        """The source as error messages call it; None for rows that come from no file."""
        return str(self.source) if isinstance(self.source, (str, Path)) else None

    def __iter__(self) -> Iterator[Group]:
        self.rows, self.skipped, self.first_skipped = 0, Counter(), None
        rows = self._raw_rows()
        head = list(self._head(rows))
        if not head:
            raise DataError("has no rows", file=self.name)
        fmt = self.format = self.format or self._recognise(head)
        if self.options.preferred and not fmt.has_domains:
            raise DataError(f"is in the form {fmt.name}, which has no preferred domain to choose", file=self.name)
        parsed = self._parsed(fmt, itertools.chain(head, rows))
        if not fmt.merges:
            for _, group in parsed:
                yield group
            return
        merger = Merger()
        for number, group in parsed:
            try:
                merger.add(group)
            except DataError as error:
                self._refuse(error, number)
        total = len(merger)
        for done, group in enumerate(merger.pop_groups(), 1):
            yield group
            if self.progress and done % _REPORT_EVERY == 0:
                self.progress("merging", done, total)

    def _head(self, rows: Iterator[RawRow]) -> Iterator[RawRow]:
        for row in itertools.islice(rows, _LOOKAHEAD):
            yield row
            if isinstance(row.value, DataError) and not self.skip_bad:
                return  # it will be refused; what comes after it may never end

    def _raw_rows(self) -> Iterator[RawRow]:
        if isinstance(self.source, Mapping):  # a `datasets.DatasetDict`
            raise DataError(f"expected rows, got parts named {', '.join(map(str, self.source))}; give one of them")
        if not isinstance(self.source, (str, Path)):
            return _numbered(self.source)
        name = str(self.source)
        folder = name.partition("/")[0]  # where there is such a folder, a file in it was meant, and misspelt
        is_hub_id = _HUB_ID.match(name) and not _DATA_FILE.search(name) and not os.path.exists(folder)
        if name != STDIN and is_hub_id and not os.path.exists(name):
            return _numbered(_hub_dataset(name))
        return read_rows(name, self.progress, self.longest_row)

    def _recognise(self, head: list[RawRow]) -> Format:
        readable = [row.value for row in head if not isinstance(row.value, DataError)]
        if readable:
            try:
                return recognise(readable)
            except DataError as error:
                raise error.at(file=self.name) from None
        number, broken = head[0]
        assert isinstance(broken, DataError)
        raise broken.at(file=self.name, row=number)

    def _parsed(self, fmt: Format, rows: Iterable[RawRow]) -> Iterator[tuple[int, Group]]:
        counted = self._counted(rows)
        for number, value in fmt.assemble(counted) if fmt.assemble else counted:
            if isinstance(value, DataError):
                self._refuse(value, number)
                continue
            try:
                groups = fmt.parse(value, self.options)
            except DataError as error:
                self._refuse(error, number)
                continue
            for group in groups:
                yield number, group

    def _counted(self, rows: Iterable[RawRow]) -> Iterator[RawRow]:
        for row in rows:
            self.rows += 1
            yield row

    def _refuse(self, error: DataError, number: int) -> None:
        placed = error.at(file=self.name, row=number)
        if not self.skip_bad:
            raise placed from None
        field = _INDEX.sub("[n]", error.field) + ": " if error.field else ""
        self.skipped[field + re.sub(r", got .*| \(.*", "", error.reason)] += 1
        self.first_skipped = self.first_skipped or placed


def load_groups(
    source: Source,
    *,
    format: str | None = None,
    preferred: str | None = None,
    skip_bad: bool = False,
    longest_row: int | None = None,
) -> list[Group]:
    """The groups of a file, a hub data set or rows in memory; see `GroupReader`. Rows left out are warned of."""
    reader = GroupReader(source, format=format, preferred=preferred, skip_bad=skip_bad, longest_row=longest_row)
    groups = list(reader)
    if reader.skipped:
        count = sum(reader.skipped.values())
        warnings.warn(f"left out {count} of {reader.rows} rows; the first: {reader.first_skipped}", stacklevel=2)
    return groups


def _numbered(rows: Iterable[Mapping[str, Any]]) -> Iterator[RawRow]:
    for number, row in enumerate(rows, 1):
        try:
            if not isinstance(row, Mapping):
                raise DataError(f"expected a row with named fields, got {type(row).__name__}")
            check_text(row, _DEEPEST_ROW)
            yield RawRow(number, dict(row))
        except DataError as error:
            yield RawRow(number, error)


def _hub_dataset(name: str) -> Iterator[Mapping[str, Any]]:
    try:
        import datasets
    except ImportError:
        raise DataError(
            "there is no such file; to read it from the hub, install the datasets library: pip install 'polypref[hub]'",
            file=name,
        ) from None
    path, _, part = name.rstrip("]").partition("[")
    config, _, split = part.rpartition("/")
    try:
        yield from datasets.load_dataset(path, config or None, split=split or "train", streaming=True)
    except Exception as error:  # the hub client raises whatever its transport raises
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"there is no such file, and the hub answered: {reason}", file=name) from None
