"""JSON that any reader takes: UTF-8, no NaN, dates as ISO text; objects of our own as plain values."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Protocol, runtime_checkable

from polypref.errors import DataError


def to_json(value: Any) -> bytes:
    """A value as UTF-8 JSON. NaN among the kept unknown keys has no place in JSON and becomes null."""
    try:
        try:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)
        except ValueError:
            text = json.dumps(_without_nan(value), ensure_ascii=False, default=_plain)
        return text.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"has a lone surrogate {error.object[error.start]!r}, which is not text") from None
    except TypeError as error:
        raise DataError(f"cannot be written as JSON ({error})") from None


@runtime_checkable
class WritesItself(Protocol):
    """A type whose JSON is not simply its fields."""

    def as_dict(self) -> dict[str, Any]:
        """A JSON object."""
        ...


def as_plain(value: Any) -> Any:
    """Dataclasses as objects, tuples as lists, keys as text; NaN and infinities, which JSON lacks, are None."""
    if isinstance(value, WritesItself):
        return value.as_dict()
    if is_dataclass(value):
        return plain_fields(value)
    if isinstance(value, Mapping):
        return {str(key): as_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def plain_fields(value: Any) -> dict[str, Any]:
    """The fields of a dataclass as a JSON object."""
    return {part.name: as_plain(getattr(value, part.name)) for part in fields(value)}


def _plain(value: Any) -> str:
    if isinstance(value, (datetime.date, datetime.time)):  # Parquet has them
        return value.isoformat()
    raise TypeError(f"a value of type {type(value).__name__}")


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
