"""Rows of a file, one at a time: JSON lines, JSON, CSV and Parquet, plain or compressed, each with its row number."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import os
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pydantic_core import from_json

from polypref.errors import DataError
from polypref.files import check_name
from polypref.groups.parquet import pyarrow
from polypref.groups.parquet_rows import parquet_rows, too_long

Progress = Callable[[str, int, int], None]  # (stage, done, total) in bytes, rows or groups; total 0 if unknown

STDIN = "-"
_GZIP, _ZSTD, _PARQUET, _UTF8_BOM = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1", b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
LONGEST_ROW = 64 << 20  # bytes of one row, unpacked; a small compressed file may hold a row of many gigabytes
_DOCUMENT = 4  # as many longest rows may be in what can only be read whole
_ENDLESS = 256  # as many longest rows are passed over to find the end of a line
_PIECE = 1 << 20  # bytes of a line that is passed over, read at once
_REPORT_EVERY = 1 << 20  # bytes between two reports of progress


class RawRow(NamedTuple):
    """A row as the file has it, or what is wrong with it."""

    number: int  # 1-based
    value: dict[str, Any] | DataError


def read_rows(path: str | Path, progress: Progress | None = None, longest_row: int | None = None) -> Iterator[RawRow]:
    """The rows of a file, or of standard input for "-". A broken row is yielded as its error; a broken file raises.

    A row of more than `longest_row` bytes, unpacked, is broken (`LONGEST_ROW` if left out, or what
    `POLYPREF_LONGEST_ROW` says in the environment).
    """
    longest = _longest_row() if longest_row is None else longest_row
    try:
        with _open(path) as file:
            yield from _read_open_file(file, Path(path).name, longest, progress)
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


def _read_open_file(file: BinaryIO, name: str, longest: int, progress: Progress | None) -> Iterator[RawRow]:
    head = file.peek(4)[:4]  # type: ignore[attr-defined]
    total = _size(file)
    if head == _PARQUET:
        # its index is at the end, so a pipe is read to the end first
        seekable = file if file.seekable() else io.BytesIO(_whole(file, longest))
        report = partial(progress, "reading") if progress else None
        for number, row in enumerate(parquet_rows(seekable, longest, report), 1):
            yield RawRow(number, row)
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
        yield from _csv_rows(_lines(stream, longest), "\t" if stem.endswith(".tsv") else ",", longest)
    elif start == b"[" or (stem.endswith(".json") and start == b"{"):
        yield from _json_rows(stream, longest)
    else:
        yield from _json_lines(_lines(stream, longest))
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
    text = os.environ.get("POLYPREF_LONGEST_ROW", str(LONGEST_ROW))
    if not text.isdecimal() or int(text) == 0:
        raise DataError(f"POLYPREF_LONGEST_ROW is {text!r}; expected a number of bytes")
    return int(text)


def _lines(stream: BinaryIO, longest: int) -> Iterator[tuple[int, bytes | DataError]]:
    """Lines by their numbers; one that is longer than the longest row is an error, and is passed over unkept."""
    number = 0
    try:
        while line := stream.readline(longest + 1):
            number += 1
            if len(line) <= longest:
                yield number, line
                continue
            yield number, too_long(longest)
            for _ in range(_ENDLESS * longest // _PIECE + 1):
                if not line or line.endswith(b"\n"):
                    break
                line = stream.readline(_PIECE)
            else:
                raise DataError(f"is longer than {_ENDLESS * longest:,} bytes, and no end is in sight", row=number)
    except _STREAM_ERRORS as error:
        raise _broken_stream(error, number + 1) from None


def _whole(stream: BinaryIO, longest: int) -> bytes:
    """All that a stream holds, which may not be longer than a few of the longest rows."""
    try:
        text = stream.read(_DOCUMENT * longest + 1)
    except _STREAM_ERRORS as error:
        raise _broken_stream(error) from None
    if len(text) > _DOCUMENT * longest:
        raise DataError(
            f"is longer than {_DOCUMENT * longest:,} bytes, and can only be read whole: write JSON lines, or set "
            f"POLYPREF_LONGEST_ROW to more than {longest:,}"
        )
    return text


def _json_lines(lines: Iterable[tuple[int, bytes | DataError]]) -> Iterator[RawRow]:
    for number, line in lines:
        if isinstance(line, DataError):
            yield RawRow(number, line)
            continue
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


def _json_rows(stream: BinaryIO, longest: int) -> Iterator[RawRow]:
    # one JSON document: a list of rows, or rows by their ids; or JSON lines in a file called .json
    text = _whole(stream, longest).removeprefix(_UTF8_BOM)
    try:
        document = from_json(text)
    except ValueError as error:
        lines = [(number, line) for number, line in _lines(io.BytesIO(text), longest)]
        written = next((line for _, line in lines if isinstance(line, DataError) or not line.isspace()), b"")
        if isinstance(written, DataError) or not _is_json(written):
            raise _why_not_json(text, error) from None
        yield from _json_lines(lines)
        return
    if isinstance(document, list):
        for number, value in enumerate(document, 1):
            yield RawRow(number, value if isinstance(value, dict) else _not_an_object(value))
    elif document and all(isinstance(value, dict) for value in document.values()):
        for number, (key, value) in enumerate(document.items(), 1):
            yield RawRow(number, {"id": key, **value})
    else:
        yield RawRow(1, document)


def _csv_rows(lines: Iterable[tuple[int, bytes | DataError]], delimiter: str, longest: int) -> Iterator[RawRow]:
    def text() -> Iterator[str]:
        for number, line in lines:
            if isinstance(line, DataError):  # nobody knows whether it ended within a cell
                raise line.at(row=number)
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as wrong:
                reason = f"is not UTF-8 text (byte 0x{line[wrong.start]:02x} at position {wrong.start + 1})"
                raise DataError(reason, row=number) from None

    csv.field_size_limit(min(longest, 2**31 - 1))  # the csv module has one limit for all its readers
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
