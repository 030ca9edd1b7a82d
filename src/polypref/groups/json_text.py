"""JSON text that any reader takes, and the values that come back from it as they were."""

from __future__ import annotations

import base64
import datetime
import decimal
import json
import math
import numbers
import uuid
from collections.abc import Mapping
from typing import Any

from polypref.errors import DataError

DEEPEST = 100  # levels in what is kept unread; a written row wraps it in a few more, and JSON's reader takes 200
_DIGITS = 4000  # Python writes out no longer integers
_AS_TEXT = (decimal.Decimal, uuid.UUID, datetime.timedelta)
_MOMENTS = (datetime.date, datetime.time)


def to_json(value: Any) -> bytes:
    """A value that `plain` has seen, as UTF-8 JSON."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError as error:
        raise _not_text(error) from None
    except (TypeError, ValueError) as error:
        raise DataError(f"cannot be written as JSON ({error})") from None


def plain(value: Any, depth: int = DEEPEST) -> Any:
    """A value as JSON gives it back: no NaN but null, and what JSON has no type for, as Parquet may hold, as text."""
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is str:
        return _text(value)
    if isinstance(value, numbers.Real):
        return _number(value)
    if not depth:
        raise DataError("is nested too deeply")
    if isinstance(value, Mapping):
        return {_key(key): plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, depth - 1) for item in value]
    return _other(value, depth)


def check_text(value: Any, depth: int = DEEPEST) -> None:
    """Refuse a row in memory that holds text no file can hold."""
    if isinstance(value, str):
        _text(value)
    elif isinstance(value, (Mapping, list, tuple)):
        if not depth:
            raise DataError("is nested too deeply")
        for item in value.values() if isinstance(value, Mapping) else value:
            check_text(item, depth - 1)


def _number(value: numbers.Real) -> int | float | None:
    if not isinstance(value, numbers.Integral):
        number = float(value)
        return number if math.isfinite(number) else None
    whole = int(value)
    if whole.bit_length() > _DIGITS * math.log2(10):
        raise DataError(f"holds a whole number of more than {_DIGITS} digits")
    return whole


def _other(value: Any, depth: int) -> Any:
    if isinstance(value, _MOMENTS):
        return value.isoformat()
    if isinstance(value, _AS_TEXT):
        return str(value)
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, str):
        return _text(str(value))
    if hasattr(value, "__array__"):  # NumPy's numbers and lists
        return plain(value.tolist(), depth - 1)
    raise DataError(f"holds a value of type {type(value).__name__}, which JSON has no place for")


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise DataError(f"names a field {key!r:.60}, where JSON has text alone")
    return _text(key)


def _text(text: str) -> str:
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _not_text(error) from None
    return text


def _not_text(error: UnicodeEncodeError) -> DataError:
    return DataError(f"has a lone surrogate {error.object[error.start]!r}, which is not text")
