"""Rows of a Parquet file, no more at a time than the memory holds, however its columns unpack."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from polypref.errors import DataError
from polypref.groups.parquet import from_columns, is_own, pyarrow

_BATCH = 1024  # rows read together at most
_TOGETHER = 8  # as many longest rows may be unpacked at once

Report = Callable[[int, int], None]  # rows read, of how many


def parquet_rows(file: BinaryIO, longest: int, report: Report | None) -> Iterator[dict[str, Any] | DataError]:
    """Each row, or what is wrong with it."""
    arrow = pyarrow("Parquet files")
    import pyarrow.parquet as parquet

    done = 0
    try:
        table = parquet.ParquetFile(file)
        own = is_own(table.schema_arrow)
        for group in range(table.metadata.num_row_groups):
            # a dictionary or shared beginnings may make of each row as much as a column's whole chunk
            unpacked = table.metadata.row_group(group).total_byte_size
            size = max(1, min(_BATCH, _TOGETHER * longest // max(1, unpacked)))
            for batch in table.iter_batches(batch_size=size, row_groups=[group]):
                for row in _rows(batch, longest):
                    yield _own_row(row) if own and isinstance(row, dict) else row
                done += len(batch)
                if report:
                    report(done, table.metadata.num_rows)
    except (arrow.ArrowException, OSError, ValueError, OverflowError) as error:  # the last two: odd text
        raise DataError(f"is not a readable Parquet file ({str(error).splitlines()[0]})") from None


def _rows(batch: Any, longest: int) -> Iterator[dict[str, Any] | DataError]:
    if batch.nbytes <= longest:
        try:
            yield from batch.to_pylist()
            return
        except (ValueError, OverflowError):  # a moment that Python has not, text that is none
            pass
    for k in range(len(batch)):
        row = batch.slice(k, 1)
        if row.nbytes > longest:
            yield too_long(longest)
            continue
        try:
            yield {name: _cell(row.column(at), name) for at, name in enumerate(row.schema.names)}
        except DataError as error:
            yield error


def too_long(longest: int) -> DataError:
    """What is said of a row that is longer than the longest."""
    return DataError(f"is longer than {longest:,} bytes; if it is meant to be, set POLYPREF_LONGEST_ROW to more")


def _cell(column: Any, name: str) -> Any:
    try:
        return column[0].as_py()
    except (ValueError, OverflowError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"expected a {column.type} that can be read ({reason})", field=name) from None


def _own_row(cells: dict[str, Any]) -> dict[str, Any] | DataError:
    try:
        return from_columns(cells)
    except DataError as error:
        return error
