"""Rows of what is in memory: lists of rows, pandas data frames, Arrow tables and Hugging Face data sets."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from polypref.errors import DataError
from polypref.groups.formats.base import is_nothing
from polypref.groups.json_text import check_text
from polypref.groups.parquet import from_columns, group_schema, is_own
from polypref.groups.rows import RawRow

_DEEPEST_ROW = 200  # levels, as JSON's reader takes them
_CHUNK = 1024  # rows turned into Python's own objects at a time


def kind_of(value: Any) -> str | None:
    """What errors call a table in memory; None for what is none. Libraries that nobody loaded have made none."""
    if _is(value, "pandas", "DataFrame"):
        return "data frame"
    if _is(value, "pyarrow", "Table", "RecordBatch"):
        return "table"
    if _is(value, "datasets", "Dataset", "IterableDataset"):
        return "data set"
    return None


def are_parts(value: Any) -> bool:
    """Whether these are tables by name, such as a `datasets.DatasetDict`."""
    if not isinstance(value, Mapping):
        return False
    named = _is(value, "datasets", "DatasetDict", "IterableDatasetDict")
    return named or (bool(value) and all(kind_of(part) for part in value.values()))


def only_part(parts: Mapping[str, Any]) -> Any:
    """The table of a mapping that has no other; which of several is meant, its user must say."""
    if are_parts(parts) and len(parts) == 1:
        return next(iter(parts.values()))
    if not parts:
        raise DataError("has no rows")
    raise DataError(f"expected rows, got parts named {', '.join(map(str, parts))}; give one of them")


def rows_in(source: Any) -> Iterator[RawRow]:
    """The rows of a table or of any iterable, numbered from 1; a table's empty cells (None, NaN) are absent fields."""
    kind = kind_of(source)
    if kind is None:
        return _numbered(source)
    if kind == "data frame":
        names, rows = list(source.columns), _frame_rows(source)
        own = False
    elif kind == "table":
        names, rows = list(source.schema.names), _arrow_rows(source)
        own = is_own(source.schema)
    else:
        names, rows = list(source.column_names or ()), _data_set_rows(source)
        own = False
    _check_names(names)
    return _cleaned(rows, own or _has_own_columns(names))


def _numbered(rows: Iterable[Any]) -> Iterator[RawRow]:
    for number, row in enumerate(rows, 1):
        try:
            if not isinstance(row, Mapping):
                raise DataError(f"expected a row with named fields, got {type(row).__name__}")
            check_text(row, _DEEPEST_ROW)
            yield RawRow(number, dict(row))
        except DataError as error:
            yield RawRow(number, error)


def _cleaned(rows: Iterable[Mapping[str, Any]], own: bool) -> Iterator[RawRow]:
    for number, row in enumerate(rows, 1):
        cells = {name: cell for name, cell in row.items() if not is_nothing(cell)}
        try:
            check_text(cells, _DEEPEST_ROW)
            yield RawRow(number, from_columns(cells) if own else cells)
        except DataError as error:
            yield RawRow(number, error)


def _frame_rows(frame: Any) -> Iterator[dict[str, Any]]:
    columns = [frame.iloc[:, k] for k in range(frame.shape[1])]
    numbers = [_were_whole(column) for column in columns]
    for start in range(0, len(frame), _CHUNK):
        cells = [_cells(column.iloc[start : start + _CHUNK], whole) for column, whole in zip(columns, numbers)]
        for row in zip(*cells):
            yield dict(zip(frame.columns, row))


def _were_whole(column: Any) -> bool:
    """Whether the numbers of a column are fractions only because some are missing, for which pandas turns all."""
    if column.dtype.kind != "f" or not column.isna().any():
        return False
    return bool((column.dropna() % 1 == 0).all())


def _cells(column: Any, whole: bool) -> list[Any]:
    cells = zip(column.tolist(), column.isna().tolist())
    return [None if absent else int(cell) if whole else _plain(cell) for cell, absent in cells]


def _plain(cell: Any) -> Any:
    """A cell of lists and plain values, which pandas and NumPy may hold as arrays and scalars of their own."""
    import numpy as np

    if isinstance(cell, np.generic):
        return cell.item()
    if isinstance(cell, (np.ndarray, list, tuple)):
        return [_plain(item) for item in cell]
    if isinstance(cell, Mapping):
        return {key: _plain(value) for key, value in cell.items()}
    return cell


def _arrow_rows(table: Any) -> Iterator[dict[str, Any]]:
    import pyarrow as arrow

    if isinstance(table, arrow.RecordBatch):
        table = arrow.Table.from_batches([table])
    try:
        for batch in table.to_batches(max_chunksize=_CHUNK):
            yield from batch.to_pylist()
    except (arrow.ArrowException, ValueError, OverflowError) as error:  # the last two: odd text, odd dates
        raise DataError(f"has cells that cannot be read ({str(error).splitlines()[0]})") from None


def _data_set_rows(data_set: Any) -> Iterator[dict[str, Any]]:
    for row in data_set.with_format(None):  # its user may have it give arrays or tensors
        yield {name: _plain(cell) for name, cell in row.items()}


def _check_names(names: Sequence[Hashable]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"names the column {twice[0]} twice")


def _has_own_columns(names: Sequence[Hashable]) -> bool:
    """Whether the columns are those of our own Parquet files, read by another library."""
    return {"prompt", "messages", "responses", "meta"} <= {*names} and {*names} == {*group_schema().names}


def _is(value: Any, module: str, *names: str) -> bool:
    loaded = vars(sys.modules[module]) if module in sys.modules else {}
    return any(isinstance(value, loaded[name]) for name in names if name in loaded)
