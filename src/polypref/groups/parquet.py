"""Groups as Parquet columns: plain types other tools can query; what has no fixed type is a cell of JSON text."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pydantic_core import from_json

from polypref.errors import DataError
from polypref.groups.json_text import to_json
from polypref.groups.model import shown

_VERSION = {b"polypref": b"1"}  # in the file's schema: these columns are a group's
# the fields of a judgment that have a column, with the values a row leaves out
_JUDGMENT: Mapping[str, Any] = {"i": None, "annotator": None, "criterion": None, "weight": 1.0, "time": None}
_COMPARISON: Mapping[str, Any] = {**_JUDGMENT, "j": None, "p": 1.0, "margin": None}
_RATING: Mapping[str, Any] = {**_JUDGMENT, "label": None}
_GROUP = ("prompt", "responses", "comparisons", "ratings", "domain", "id", "sources", "scale")


def pyarrow(what: str) -> Any:
    """The pyarrow module, or the command that installs it."""
    try:
        import pyarrow
    except ImportError:
        raise DataError(f"{what} need pyarrow: pip install pyarrow") from None
    return pyarrow


def group_schema() -> Any:
    """The columns of a Parquet file of groups."""
    pa = pyarrow("Parquet files")
    text, texts, number = pa.string(), pa.list_(pa.string()), pa.float64()
    judgment = [("annotator", text), ("criterion", text), ("weight", number), ("time", number), ("meta", text)]
    comparison = pa.struct([("i", pa.int32()), ("j", pa.int32()), ("p", number), ("margin", number), *judgment])
    rating = pa.struct([("i", pa.int32()), ("label", text), *judgment])
    columns = [
        ("prompt", text),  # empty for a conversation, which is in `messages`
        ("messages", pa.list_(pa.struct([("role", text), ("content", text)]))),
        ("responses", texts),
        ("comparisons", pa.list_(comparison)),
        ("ratings", pa.list_(rating)),
        ("domain", text),
        ("id", text),
        ("sources", texts),
        ("scale", text),
        ("meta", text),
    ]
    return pa.schema(columns, metadata=_VERSION)


def is_own(schema: Any) -> bool:
    """Whether a Parquet file was written by `to_columns`."""
    return (schema.metadata or {}).get(b"polypref") == b"1"


def to_columns(row: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON row of a group as cells of the columns above."""
    row = dict(row)
    prompt = row.pop("prompt")
    chat = not isinstance(prompt, str)
    cells = {"prompt": None if chat else prompt, "messages": prompt if chat else None}
    for name in ("responses", "domain", "id", "sources"):
        cells[name] = row.pop(name, None)
    cells["comparisons"] = [_judgment_cells(c, _COMPARISON) for c in row.pop("comparisons", ())]
    cells["ratings"] = [_judgment_cells(r, _RATING) for r in row.pop("ratings", ())]
    scale = row.pop("scale", None)
    cells["scale"] = to_json(scale).decode() if scale else None
    cells["meta"] = to_json(row).decode() if row else None
    return cells


def from_columns(cells: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON row that `to_columns` was given. A column may be missing: other tools write some of them on."""
    row = {name: cells[name] for name in ("responses", "domain", "id", "sources") if cells.get(name) is not None}
    prompt = cells.get("prompt") if cells.get("messages") is None else cells["messages"]
    if prompt is not None:
        row["prompt"] = prompt
    for name in ("comparisons", "ratings"):
        judgments = cells.get(name) or ()
        if not isinstance(judgments, (list, tuple)):
            raise DataError(f"expected a list of structures, got {shown(judgments)}", field=name)
        known = _COMPARISON if name == "comparisons" else _RATING
        row[name] = [_judgment_row(judgment, known, f"{name}[{k}]") for k, judgment in enumerate(judgments)]
    if cells.get("scale"):
        row["scale"] = _parsed(cells["scale"], "scale")
    return row | _meta(cells.get("meta"), _GROUP, "meta")


def _judgment_cells(judgment: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    cells = {key: judgment.get(key, default) for key, default in defaults.items()}
    if "label" in cells:
        cells["label"] = to_json(cells["label"]).decode()
    extra = {key: value for key, value in judgment.items() if key not in defaults}
    cells["meta"] = to_json(extra).decode() if extra else None
    return cells


def _judgment_row(cells: Any, known: Collection[str], field: str) -> dict[str, Any]:
    if not isinstance(cells, Mapping):
        raise DataError(f"expected a structure, got {shown(cells)}", field=field)
    row = {key: value for key, value in cells.items() if value is not None and key != "meta"}
    if "label" in row:
        row["label"] = _parsed(row["label"], f"{field}.label")
    return row | _meta(cells.get("meta"), known, f"{field}.meta")


def _meta(cell: Any, known: Collection[str], field: str) -> dict[str, Any]:
    value = _parsed(cell, field) if cell else {}
    if not isinstance(value, dict):
        raise DataError("expected a JSON object", field=field)
    clash = [name for name in known if name in value]
    if clash:
        raise DataError(f"holds {', '.join(clash)}, which has a place of its own", field=field)
    return value


def _parsed(cell: Any, field: str) -> Any:
    try:
        return from_json(cell)
    except (TypeError, ValueError):
        raise DataError("expected a cell of JSON text", field=field) from None
