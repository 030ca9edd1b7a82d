"""Groups to files, in polypref's own form or one that another tool reads; a file appears whole or not at all."""

from __future__ import annotations

import contextlib
import gzip
import io
import itertools
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from polypref.errors import DataError
from polypref.files import replace_when_done
from polypref.groups.formats import Format, find_format
from polypref.groups.json_text import to_json
from polypref.groups.model import Group
from polypref.groups.parquet import group_schema, pyarrow, to_columns
from polypref.groups.rows import STDIN

_PARQUET_BATCH = 1024
_ENDINGS = ("", ".jsonl", ".ndjson", ".json", ".parquet")


class GroupWriter:
    """Writes groups to one file; used in a `with` block, after which the file is there, or untouched if it failed."""

    def __init__(self, path: str | Path, *, format: str = "polypref") -> None:
        self.path = str(path)
        ending = os.path.splitext(self.path.removesuffix(".gz").removesuffix(".zst"))[1].lower()
        if ending not in _ENDINGS:
            known = ".jsonl, .jsonl.gz, .jsonl.zst or .parquet"
            raise DataError(f"ends in {ending}, which is not written; expected {known}", file=path)
        self.format = _writable(format)
        self.groups = self.rows = 0
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> GroupWriter:
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(_standard_output() if self.path == STDIN else replace_when_done(self.path))
            if self.path.endswith(".parquet"):
                self._sink: _Lines | _Columns = stack.enter_context(_Columns(file, self.format.name == "polypref"))
            else:
                self._sink = stack.enter_context(_Lines(file, self.path))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def write(self, group: Group) -> None:
        """Add one group. One that the format cannot hold is refused as a whole, and nothing of it is written."""
        assert self.format.from_group is not None
        try:
            rows = list(self.format.from_group(group))
            for row in rows:
                self._sink.add(row)
        except DataError as error:
            raise error.at(file=f"group {group.id or self.groups + 1}") from None
        self.groups += 1
        self.rows += len(rows)


def save_groups(groups: Iterable[Group], path: str | Path, *, format: str = "polypref") -> None:
    """Write groups to a file; its ending chooses the container: .jsonl, .jsonl.gz, .jsonl.zst or .parquet."""
    with GroupWriter(path, format=format) as writer:
        for group in groups:
            writer.write(group)


def to_rows(groups: Iterable[Group], *, format: str = "polypref") -> Iterator[dict[str, Any]]:
    """Groups as rows of a format, such as for `datasets.Dataset.from_list(list(to_rows(groups, format="trl")))`."""
    from_group = _writable(format).from_group
    assert from_group is not None
    return itertools.chain.from_iterable(map(from_group, groups))


@contextlib.contextmanager
def _standard_output() -> Iterator[BinaryIO]:
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


class _Lines:
    """JSON lines, compressed as the file's name asks."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._stack = contextlib.ExitStack()
        self._file: Any = file
        if name.endswith(".gz"):
            # no name and no time in the header: the same groups give the same bytes
            self._file = self._stack.enter_context(gzip.GzipFile("", "wb", 6, file, mtime=0))
        elif name.endswith(".zst"):
            self._file = self._stack.enter_context(pyarrow("zstd files").CompressedOutputStream(file, "zstd"))
        if self._file is not file:
            self._file = self._stack.enter_context(io.BufferedWriter(self._file, 1 << 18))

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.close()

    def add(self, row: Mapping[str, Any]) -> None:
        self._file.write(to_json(row) + b"\n")


class _Columns:
    """Parquet, in batches."""

    def __init__(self, file: BinaryIO, groups: bool) -> None:
        self._pa = pyarrow("Parquet files")
        self._file, self._groups = file, groups
        self._batch: list[Mapping[str, Any]] = []
        self._writer: Any = None

    def __enter__(self) -> _Columns:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: Any) -> None:
        try:
            if kind is None and (self._batch or self._writer is None):
                self._flush()
        finally:
            if self._writer is not None:
                self._writer.close()

    def add(self, row: Mapping[str, Any]) -> None:
        if self._writer is not None and not self._groups and not row.keys() <= set(self._writer.schema.names):
            late = ", ".join(row.keys() - set(self._writer.schema.names))
            raise DataError(f"does not fit one Parquet schema ({late} comes late); write JSON lines")
        self._batch.append(to_columns(row) if self._groups else row)
        if len(self._batch) >= _PARQUET_BATCH:
            self._flush()

    def _schema(self) -> Any:
        if self._writer:
            return self._writer.schema
        if self._groups:
            return group_schema()
        names = dict.fromkeys(name for row in self._batch for name in row)  # some rows may lack some columns
        return self._pa.table({name: [row.get(name) for row in self._batch] for name in names}).schema

    def _flush(self) -> None:
        import pyarrow.parquet as parquet

        try:
            table = self._pa.Table.from_pylist(self._batch, schema=self._schema())
        except self._pa.ArrowException as error:
            reason = f"does not fit one Parquet schema ({str(error).splitlines()[0]}); write JSON lines"
            raise DataError(reason) from None
        except UnicodeEncodeError as error:
            raise DataError(f"has a lone surrogate {error.object[error.start]!r}, which is not text") from None
        self._writer = self._writer or parquet.ParquetWriter(self._file, table.schema, compression="zstd")
        self._writer.write_table(table)
        self._batch.clear()


def _writable(name: str) -> Format:
    fmt = find_format(name)
    if fmt.from_group is None:
        from polypref.groups.formats import all_formats

        known = ", ".join(other.name for other in all_formats().values() if other.from_group)
        raise DataError(f"the format {name!r} can be read but not written; writable are {known}")
    return fmt
