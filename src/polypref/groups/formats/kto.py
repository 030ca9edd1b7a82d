"""KTO's single labels (TRL): a prompt, one completion, and whether it is good, as a rating of 1 or 0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Union

from polypref.errors import DataError
from polypref.groups.formats.base import Format, Options, Row
from polypref.groups.formats.chat import MessageRow, beside, messages_of
from polypref.groups.formats.pairs import answer_text
from polypref.groups.formats.polypref_jsonl import name_of
from polypref.groups.model import NOTHING, Group, Message, Prompt, Rating, shown

SCALE = (0, 1)
_LABELS = {"true": 1, "false": 0, "1": 1, "0": 0}

Text = Union[str, list[MessageRow]]


class LabelledRow(Row):
    completion: Text
    label: Union[bool, int, str]  # text in CSV
    prompt: Union[Text, None] = None
    id: Union[str, int, None] = None


def label_of(value: bool | int | str, field: str) -> int:
    """1 for a good answer and 0 for a bad one."""
    label = _LABELS.get(value.strip().lower()) if isinstance(value, str) else int(value) if value in SCALE else None
    if label is None:
        raise DataError(f"expected true or false, got {shown(value)}", field=field)
    return label


def _to_group(row: LabelledRow, options: Options) -> Group:
    prompt, answer = _split(row)
    if not answer.strip():
        raise DataError("is empty", field="completion")
    meta = {**row.unknown, **_beside(row.completion, "completion_messages")} or NOTHING
    rating = Rating(0, label_of(row.label, "label"), meta=meta)
    more = _beside(row.prompt, "prompt_messages")
    return Group(prompt, (answer,), (), (rating,), None, name_of(row.id), scale=SCALE, meta=more)


def _split(row: LabelledRow) -> tuple[Prompt, str]:
    prompt, completion = row.prompt, row.completion
    if isinstance(completion, str):
        if prompt is None:
            raise DataError("is missing", field="prompt")
        return (prompt if isinstance(prompt, str) else messages_of(prompt)), completion
    turns = messages_of(completion)
    if prompt is not None:
        return ((Message("user", prompt),) if isinstance(prompt, str) else messages_of(prompt)), answer_text(turns)
    last = next((k for k in range(len(turns) - 1, 0, -1) if turns[k].role == "assistant"), 0)
    if not last:
        raise DataError("expected a dialogue that ends with the assistant's answer", field="completion")
    return turns[:last], answer_text(turns[last:])


def _beside(text: Text | None, key: str) -> Mapping[str, Any]:
    return beside(text, key) if isinstance(text, list) else NOTHING


FORMAT = Format(
    name="kto",
    title="KTO's labels: a prompt, one completion, and whether it is good (label, a rating of 1 or 0)",
    keys=frozenset({"completion", "label"}),
    row=LabelledRow,
    to_group=_to_group,
)
