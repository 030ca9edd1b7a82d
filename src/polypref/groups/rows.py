"""Rows of a file, one at a time: JSON lines, JSON, CSV and Parquet, plain or compressed, each with its row number."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import itertools
import os
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pydantic_core import from_json

from polypref.errors import DataError
from polypref.files import check_name
from polypref.groups.parquet import from_columns, is_own, pyarrow

Progress = Callable[[str, int, int], None]  # (stage, done, total) in bytes, rows or groups; total 0 if unknown

STDIN = "-"
_GZIP, _ZSTD, _PARQUET, _UTF8_BOM = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1", b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_LONGEST_ROW = 64 << 20  # bytes of one line, unpacked; a small compressed file may hold a line of many gigabytes
_REPORT_EVERY = 1 << 20  # bytes between two reports of progress


class RawRow(NamedTuple):
    """A row as the file has it, or what is wrong with it."""

    number: int  # 1-based
    value: dict[str, Any] | DataError


def read_rows(path: str | Path, progress: Progress | None = None) -> Iterator[RawRow]:
    """The rows of a file, or of standard input for "-". A broken row is yielded as its error; a broken file raises."""
    try:
        with _open(path) as file:
            yield from _read_open_file(file, Path(path).name, progress)
    except DataError as error:
        raise error.at(file=path) from None
    except OSError as error:  # missing, a folder, no permission; zlib's and gzip's own complaints come as DataError
        raise DataError(f"cannot be read ({error.strerror or error})", file=path) from None


@contextlib.contextmanager
def _open(path: str | Path) -> Iterator[BinaryIO]:
    if str(path) != STDIN:
        check_name(path)
        with open(path, "rb") as file:
            yield file
        return
    stream = io.BufferedReader(sys.stdin.buffer)  # type: ignore[type-var]  # any readable will do
    try:
        yield stream
    finally:
        stream.detach()  # standard input is not ours to close


def _read_open_file(file: BinaryIO, name: str, progress: Progress | None) -> Iterator[RawRow]:
    head = file.peek(4)[:4]  # type: ignore[attr-defined]
    total = _size(file)
    if head == _PARQUET:
        # its index is at the end, so a pipe is read to the end first
        yield from _parquet_rows(file if file.seekable() else io.BytesIO(file.read()), progress)
        return
    meter = _Meter(file, total, progress)
    stream = io.BufferedReader(_decompressed(meter, head), buffer_size=1 << 18)
    stem = name.lower()
    for ending in (".gz", ".zst"):
        stem = stem.removesuffix(ending)
    try:
        beginning = stream.peek(4096)
    except _STREAM_ERRORS as error:
        raise _broken_stream(error) from None
    if beginning[:2] in _UTF16_BOMS:
        raise DataError("is UTF-16 text; save it as UTF-8")
    start = beginning.lstrip(_UTF8_BOM).lstrip()[:1]
    if stem.endswith((".csv", ".tsv")):
        yield from _csv_rows(_rows_lines(stream), "\t" if stem.endswith(".tsv") else ",")
    elif start == b"[" or (stem.endswith(".json") and start == b"{"):
        yield from _json_rows(stream)
    else:
        yield from _json_lines(_rows_lines(stream))
    meter.finish()


class _Meter(io.RawIOBase):
    """A raw file that reports how much of it has been read."""

    def __init__(self, file: BinaryIO, total: int, progress: Progress | None) -> None:
        self._file, self._total, self._progress = file, total, progress
        self._done = self._reported = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(buffer)  # type: ignore[attr-defined]
        self._done += count
        if self._progress and self._done - self._reported >= _REPORT_EVERY:
            self._reported = self._done
            self._progress("reading", self._done, self._total)
        return int(count)

    def finish(self) -> None:
        if self._progress:
            self._progress("reading", self._done, self._done)


def _size(file: BinaryIO) -> int:
    if not file.seekable():
        return 0
    start = file.tell()
    size = file.seek(0, io.SEEK_END)
    file.seek(start)
    return size - start


def _decompressed(raw: io.RawIOBase, head: bytes) -> io.RawIOBase:
    if head[:2] == _GZIP:
        return gzip.GzipFile(fileobj=io.BufferedReader(raw, 1 << 18), mode="rb")  # type: ignore[return-value]
    if head == _ZSTD:
        return pyarrow("zstd files").CompressedInputStream(io.BufferedReader(raw, 1 << 18), "zstd")
    return raw


_STREAM_ERRORS = (EOFError, zlib.error, OSError)  # of gzip's and zstd's readers


def _broken_stream(error: Exception, row: int | None = None) -> DataError:
    if isinstance(error, EOFError) or "Truncated compressed stream" in str(error):
        return DataError("the compressed stream ends early; the file is truncated", row=row)
    return DataError(f"the compressed stream is damaged ({error})", row=row)


def _longest_row() -> int:
    text = os.environ.get("POLYPREF_LONGEST_ROW", str(_LONGEST_ROW))
    if not text.isdecimal() or int(text) == 0:
        raise DataError(f"POLYPREF_LONGEST_ROW is {text!r}; expected a number of bytes")
    return int(text)


def _rows_lines(stream: BinaryIO) -> Iterator[bytes]:
    """Lines none of which is longer than the longest row; of one that is, no more than that is unpacked."""
    longest = _longest_row()
    for number in itertools.count(1):
        line = stream.readline(longest + 1)
        if len(line) > longest:
            reason = f"is longer than {longest:,} bytes; if it is meant to be, set POLYPREF_LONGEST_ROW to more"
            raise DataError(reason, row=number)
        if not line:
            return
        yield line


def _lines(stream: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    number = 0
    try:
        for line in stream:
            number += 1
            yield number, line
    except _STREAM_ERRORS as error:
        raise _broken_stream(error, number + 1) from None


def _json_lines(stream: Iterable[bytes]) -> Iterator[RawRow]:
    for number, line in _lines(stream):
        if number == 1:
            line = line.removeprefix(_UTF8_BOM)
        if line and not line.isspace():
            yield RawRow(number, _json_row(line))


def _json_row(line: bytes) -> dict[str, Any] | DataError:
    line = line.rstrip()  # its end would be a second line in error messages
    try:
        value = from_json(line)
    except ValueError as error:
        return _why_not_json(line, error)
    return value if isinstance(value, dict) else _not_an_object(value)


def _is_json(text: bytes) -> bool:
    try:
        from_json(text)
    except ValueError:
        return False
    return True


def _not_an_object(value: Any) -> DataError:
    return DataError(f"expected a JSON object with named fields, got {type(value).__name__}")


def _why_not_json(line: bytes, error: ValueError) -> DataError:
    try:
        line.decode()
    except UnicodeDecodeError as wrong:
        return DataError(f"is not UTF-8 text (byte 0x{line[wrong.start]:02x} at position {wrong.start + 1})")
    if "recursion limit" in str(error):
        return DataError("is nested too deeply")
    return DataError(f"is not JSON ({str(error).replace(' at line 1 ', ' at ')})")


def _json_rows(stream: Iterable[bytes]) -> Iterator[RawRow]:
    # one JSON document: a list of rows, or rows by their ids; or JSON lines in a file called .json
    lines = list(_lines(stream))
    text = b"".join(line for _, line in lines).removeprefix(_UTF8_BOM)
    try:
        document = from_json(text)
    except ValueError as error:
        lines = [(number, line.removeprefix(_UTF8_BOM)) for number, line in lines]
        lines = [(number, line) for number, line in lines if not line.isspace()]
        if not lines or not _is_json(lines[0][1]):
            raise _why_not_json(text, error) from None
        for number, line in lines:
            yield RawRow(number, _json_row(line))
        return
    if isinstance(document, list):
        for number, value in enumerate(document, 1):
            yield RawRow(number, value if isinstance(value, dict) else _not_an_object(value))
    elif document and all(isinstance(value, dict) for value in document.values()):
        for number, (key, value) in enumerate(document.items(), 1):
            yield RawRow(number, {"id": key, **value})
    else:
        yield RawRow(1, document)


def _csv_rows(stream: Iterable[bytes], delimiter: str) -> Iterator[RawRow]:
    def text() -> Iterator[str]:
        for number, line in _lines(stream):
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as wrong:
                reason = f"is not UTF-8 text (byte 0x{line[wrong.start]:02x} at position {wrong.start + 1})"
                raise DataError(reason, row=number) from None

    csv.field_size_limit(min(_longest_row(), 2**31 - 1))  # the csv module has one limit for all its readers
    reader = csv.DictReader(text(), delimiter=delimiter, strict=True)
    try:
        names = [name.strip() for name in reader.fieldnames or ()]
        twice = [name for name, count in Counter(names).items() if name and count > 1]
        if twice:
            raise DataError(f"names the column {twice[0]} twice", row=reader.line_num)
        reader.fieldnames = names
        for row in reader:
            number = reader.line_num
            if None in row:
                yield RawRow(number, DataError(f"has more cells than the header's {len(names)}"))
            else:
                # an empty cell is a value that was not given; a column without a name is an index some tools write
                yield RawRow(number, {name: cell for name, cell in row.items() if name and cell})
    except csv.Error as error:
        raise DataError(f"is not CSV ({error})", row=reader.line_num + 1) from None


def _parquet_rows(file: BinaryIO, progress: Progress | None) -> Iterator[RawRow]:
    arrow = pyarrow("Parquet files")
    import pyarrow.parquet as parquet

    try:
        table = parquet.ParquetFile(file)
        own = is_own(table.schema_arrow)
        number = 0
        for batch in table.iter_batches(batch_size=1024):
            for row in batch.to_pylist():
                number += 1
                yield RawRow(number, _own_row(row) if own else row)
            if progress:
                progress("reading", number, table.metadata.num_rows)
    except (arrow.ArrowException, OSError, ValueError, OverflowError) as error:  # the last two: odd text, odd dates
        raise DataError(f"is not a readable Parquet file ({str(error).splitlines()[0]})") from None


def _own_row(cells: dict[str, Any]) -> dict[str, Any] | DataError:
    try:
        return from_columns(cells)
    except DataError as error:
        return error
