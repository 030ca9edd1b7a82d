"""LeWiDi (Learning with Disagreements, 2023 and 2025): labels of an item by named annotators, kept apart.

Three sets of 2023 (HS-Brexit, ArMIS, MD-Agreement) judge single texts: the text is the prompt, and the response that is
rated is what it was judged for, such as "hate speech detection".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Union

from pydantic import Field
from pydantic_core import from_json

from polypref.errors import DataError
from polypref.groups.formats.base import Format, Options, Row
from polypref.groups.formats.polypref_jsonl import name_of
from polypref.groups.model import Group, Label, Message, Prompt, Rating, shown

# what stands for the prompt and what is rated, by the names the four 2025 sets give them
_TEXT_KEYS = (("context", "response"), ("post", "reply"), ("Question1", "Question2"), ("context", "statement"))
_TURNS = (("prev_agent", "assistant"), ("prev_user", "user"), ("agent", "assistant"))  # ConvAbuse; `user` is rated
_NO_TURN = (None, "", "_")  # the user opened the conversation
_CONVABUSE_SCALE: tuple[Label, ...] = (-3, -2, -1, 0, 1)  # from very strongly abusive to not abusive


class LewidiRow(Row):
    text: Union[str, dict[str, Any]]  # 2023 files hold the dialogue as JSON text
    annotations: Union[dict[str, Any], list[Any], str]
    annotators: Union[str, list[str], None] = None
    soft_label: Any = None  # NaN where the organisers held it back
    id: Union[str, int, None] = None
    task: Union[str, None] = Field(None, alias="annotation task")


def _to_group(row: LewidiRow, options: Options) -> Group:
    text = _parts(row.text, single=row.task is not None and isinstance(row.annotations, str))
    prompt, response = _prompt_and_response(text) if text else (str(row.text), str(row.task))
    scale = _scale(row, text)
    ratings = tuple(
        _rating(label, annotator, scale)
        for annotator, cell in _annotations(row)
        for label in _labels(cell)  # one annotator may have chosen several
    )
    if not ratings:
        raise DataError("is empty", field="annotations")
    meta = row.unknown if row.task is None else {"annotation task": row.task, **row.unknown}
    return Group(prompt, (response,), (), ratings, None, name_of(row.id), (), scale, meta)


def _rating(label: Label, annotator: str | None, scale: Sequence[Label]) -> Rating:
    if scale and label not in scale:
        raise DataError(f"expected one of {', '.join(map(str, scale))}, got {shown(label)}", field="annotations")
    try:
        return Rating(0, label, annotator)
    except DataError as error:
        raise DataError(error.reason, field="annotations") from None


def _parts(text: str | Mapping[str, Any], single: bool) -> Mapping[str, Any]:
    # 2023 files write them as JSON inside a string, and where a single text was judged there are none
    if not isinstance(text, str):
        return text
    try:
        parts = from_json(text)
    except (TypeError, ValueError):
        parts = None
    if single and not isinstance(parts, dict):
        return {}
    if not isinstance(parts, dict):
        raise DataError(f"expected an object with the parts of the text, got {shown(text)}", field="text")
    return parts


def _prompt_and_response(text: Mapping[str, Any]) -> tuple[Prompt, str]:
    for first, second in _TEXT_KEYS:
        if first in text and second in text:
            return _text(text, first), _text(text, second)
    if "user" in text and "agent" in text:
        turns = [Message(role, _text(text, key)) for key, role in _TURNS if text.get(key) not in _NO_TURN]
        return tuple(turns) or (Message("assistant", "_"),), _text(text, "user")
    known = ", ".join(f"{a}/{b}" for a, b in _TEXT_KEYS)
    raise DataError(f"expected the parts {known} or agent/user, got {', '.join(text)}", field="text")


def _text(text: Mapping[str, Any], key: str) -> str:
    value = text[key]
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"expected text, got {shown(value)}", field=f"text.{key}")
    return value


def _annotations(row: LewidiRow) -> Sequence[tuple[str | None, Any]]:
    if isinstance(row.annotations, dict):
        return list(row.annotations.items())
    labels = _listed(row.annotations)
    names = _listed(row.annotators or [])
    if names and labels and len(names) != len(labels):
        reason = f"expected one label of each of {len(names)} annotators, got {len(labels)}"
        raise DataError(reason, field="annotations")
    return list(zip(names or [None] * len(labels), labels))


def _listed(value: str | list[Any]) -> list[Any]:
    if not isinstance(value, str):
        return value
    return [part.strip() for part in value.split(",")] if value else []


def _labels(cell: Any) -> list[Label]:
    cells = _listed(cell) if isinstance(cell, (str, list)) else [cell]
    return [_label(part) for part in cells if part not in ("", None)]


def _label(value: Any) -> Label:
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return value
        return int(number) if number.is_integer() else number
    return value  # Rating checks it


def _scale(row: LewidiRow, text: Mapping[str, Any]) -> tuple[Label, ...]:
    if "agent" in text:  # the soft label, where there is one, is of abusive or not
        return _CONVABUSE_SCALE
    if isinstance(row.soft_label, Mapping):
        labels = [_label(name) for name in row.soft_label]
        numeric = all(not isinstance(label, str) for label in labels)
        if not any(isinstance(value, Mapping) for value in row.soft_label.values()):
            return tuple(sorted(labels, key=float)) if numeric else tuple(labels)
    return ()  # not said, or several questions at once, each with its own soft label


FORMAT = Format(
    name="lewidi",
    title="LeWiDi: an item's labels by named annotators, with soft labels",
    keys=frozenset({"text", "annotations"}),
    row=LewidiRow,
    to_group=_to_group,
)
