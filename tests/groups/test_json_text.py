"""JSON that any reader takes, and our own objects as plain values."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from typing import Any

import pytest

from polypref import DataError
from polypref.groups.json_text import as_plain, plain, plain_fields, to_json


@dataclass(frozen=True)
class Point:
    x: float
    y: tuple[float, ...]


@dataclass(frozen=True)
class Named:
    point: Point

    def as_dict(self) -> dict[str, Any]:
        return {"at": plain_fields(self.point)}


def test_dataclasses_are_objects_and_what_json_lacks_is_null():
    found = as_plain({1: Point(float("nan"), (1.0, float("inf"))), "none": None, "number": 3})
    assert found == {"1": {"x": None, "y": [1.0, None]}, "none": None, "number": 3}
    json.dumps(found, allow_nan=False)


def test_a_type_that_writes_itself_is_written_so_wherever_it_stands():
    assert as_plain([Named(Point(1.0, ()))]) == [{"at": {"x": 1.0, "y": []}}]


def test_text_is_utf8_with_iso_dates_and_no_nan():
    value = {"when": datetime.date(2024, 2, 29), "what": ("ü", float("nan"))}
    assert json.loads(to_json(plain(value))) == {"when": "2024-02-29", "what": ["ü", None]}
    assert "ü".encode() in to_json(plain(value))


@pytest.mark.parametrize(("value", "reason"), [("\ud800", "lone surrogate"), ({1, 2}, "a value of type set")])
def test_what_is_no_json_is_refused(value, reason):
    with pytest.raises(DataError, match=reason):
        to_json(plain(value))
