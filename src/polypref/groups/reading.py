"""The groups of one source, whatever its format: a file, standard input, a Hugging Face data set, a table in memory."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, Union

from polypref.errors import DataError
from polypref.groups.columns import Columns
from polypref.groups.formats import Format, Options, find_format, recognise
from polypref.groups.memory import kind_of, only_part, rows_in
from polypref.groups.merging import Merger
from polypref.groups.model import NOTHING, Group
from polypref.groups.rows import STDIN, Progress, RawRow, read_rows
from polypref.groups.stored import groups_in, is_store
from polypref.groups.writing import to_rows


class ArrowTable(Protocol):
    """A `pyarrow.Table`."""

    schema: Any

    def to_batches(self, max_chunksize: Any = None) -> Any:
        """Its rows, some at a time."""


# a path, "-" or a hub id; or rows: a list, a `pandas.DataFrame`, a `pyarrow.Table`, a `datasets.Dataset`
Source = Union[str, Path, Iterable[Any], ArrowTable]

_REPORT_EVERY = 4096  # groups between two reports of progress
_LOOKAHEAD = 20  # rows looked at to recognise the format
_DATA_FILE = re.compile(r"\.(jsonl?|csv|tsv|parquet|gz|zst)$")
_INDEX = re.compile(r"\[[0-9]+\]")  # where in a list a field is: the same complaint, wherever it is
_POINTER = b"version https://git-lfs.github.com/spec/v1"  # how the stand-in of a file in git-lfs begins
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(\[[\w.-]+(/[\w.-]+)?\])?$")  # org/name, org/name[split], org/name[config/split]


class GroupReader:
    """The groups of one source, in order; afterwards `rows` and `skipped` say what was read and what was left out.

    Args:
        source: a file (JSON lines, JSON, CSV, Parquet; plain, gzip or zstd), "-" for standard input, a hub id such as
            "org/name" or "org/name[config/split]", or rows: any iterable of mappings, a `pandas.DataFrame`, a
            `pyarrow.Table`, a `datasets.Dataset`, or a `datasets.DatasetDict` of one part.
        format: the format's name; recognised from the first rows if left out.
        preferred: for the domain form, the domain whose responses count as preferred.
        skip_bad: leave out rows that cannot be used and count them, instead of stopping at the first.
        columns: which column holds a field that the format expects under another name: `{"prompt": "question"}`.
        longest_row: of how many bytes a row may be, unpacked (64 MiB, or what `POLYPREF_LONGEST_ROW` says).
        progress: called with ("reading" or "merging", done, total) from time to time.
        name: what errors call the source, if not by its path.
    """

    def __init__(
        self,
        source: Source,
        *,
        format: str | None = None,
        preferred: str | None = None,
        skip_bad: bool = False,
        columns: Mapping[str, str] = NOTHING,
        longest_row: int | None = None,
        progress: Progress | None = None,
        name: str | None = None,
    ) -> None:
        if longest_row is not None and longest_row <= 0:
            raise DataError(f"longest_row is {longest_row}; expected a number of bytes")
        self.source = source
        self.name = name or (str(source) if isinstance(source, (str, Path)) else kind_of(source))
        self.options = Options(preferred=preferred)
        self.skip_bad = skip_bad
        self.columns = columns
        self.longest_row = longest_row
        self.progress = progress
        self.format: Format | None = find_format(format) if format else None
        self.rows = 0
        self.skipped: Counter[str] = Counter()  # reason → number of rows
        self.first_skipped: DataError | None = None

    def __iter__(self) -> Iterator[Group]:
        self.rows, self.skipped, self.first_skipped = 0, Counter(), None
        columns = Columns(self.columns)
        rows = columns.applied(self._raw_rows())
        try:
            yield from self._groups(rows)
        except DataError:
            columns.check(rows, self.name)  # a name that no row has explains what else is wrong
            raise
        columns.check(rows, self.name)

    def _groups(self, rows: Iterator[RawRow]) -> Iterator[Group]:
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
        if not isinstance(self.source, (str, Path)):
            return self._rows_in_memory()
        name = str(self.source)
        if is_store(name):
            return rows_in(to_rows(groups_in(name)))
        if is_hub_id(name):
            return rows_in(hub_rows(name))
        check_pointer(name)
        return read_rows(name, self.progress, self.longest_row)

    def _rows_in_memory(self) -> Iterator[RawRow]:
        try:
            yield from rows_in(only_part(self.source) if isinstance(self.source, Mapping) else self.source)
        except DataError as error:
            raise error.at(file=self.name) from None

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


def is_hub_id(name: str) -> bool:
    """Whether a name is that of a data set on the hub: no file here, nor one in a folder here that is misspelt."""
    if name == STDIN or not _HUB_ID.match(name) or _DATA_FILE.search(name):
        return False
    return not os.path.exists(name.partition("/")[0]) and not os.path.exists(name)


def check_pointer(name: str | Path) -> None:
    """Refuse the few lines that git leaves in place of a large file."""
    if not os.path.isfile(name):
        return
    with contextlib.suppress(OSError), open(name, "rb") as file:  # what cannot be read is the reader's to complain of
        if file.read(len(_POINTER)) == _POINTER:
            reason = "is a git-lfs pointer and not the data that it stands for; fetch these with git lfs pull"
            raise DataError(reason, file=name)


def hub_rows(name: str) -> Iterator[Mapping[str, Any]]:
    """The rows of a data set on the hub, as they come."""
    try:
        import datasets
    except ImportError:
        raise DataError(
            "there is no such file; to read it from the hub, install the datasets library: pip install datasets",
            file=name,
        ) from None
    path, _, part = name.rstrip("]").partition("[")
    config, _, split = part.rpartition("/")
    try:
        yield from datasets.load_dataset(path, config or None, split=split or "train", streaming=True)
    except Exception as error:  # the hub client raises whatever its transport raises
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"there is no such file, and the hub answered: {reason}", file=name) from None
