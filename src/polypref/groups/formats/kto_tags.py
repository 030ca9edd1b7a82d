"""LLaMA-Factory's KTO labels: an instruction and an output, or a conversation, and whether the answer is good."""

from __future__ import annotations

from typing import Any, Union

from polypref.errors import DataError
from polypref.groups.formats.alpaca import Instruction
from polypref.groups.formats.base import Format, Options
from polypref.groups.formats.kto import SCALE, label_of
from polypref.groups.formats.sharegpt import turns_beside, turns_of
from polypref.groups.model import NOTHING, Group, Message, Prompt, Rating


class TaggedRow(Instruction):
    output: Union[str, None] = None
    messages: Union[list[dict[str, Any]], None] = None
    conversations: Union[list[dict[str, Any]], None] = None
    kto_tag: Union[bool, int, str, None] = None
    label: Union[bool, int, str, None] = None


def _to_group(row: TaggedRow, options: Options) -> Group:
    tag, field = (row.label, "label") if row.kto_tag is None else (row.kto_tag, "kto_tag")
    if tag is None:
        raise DataError("is missing", field=field)
    prompt, answer = _split(row)
    if not answer.strip():
        raise DataError("is empty", field="output")
    turns = row.messages or row.conversations or ()
    meta = {**row.unknown, **turns_beside(turns, "messages" if row.messages else "conversations")} or NOTHING
    rating = Rating(0, label_of(tag, field), meta=meta)
    return Group(prompt, (answer,), (), (rating,), scale=SCALE)


def _split(row: TaggedRow) -> tuple[Prompt, str]:
    if row.output is not None:
        return row.prompt(), row.output
    field = "conversations" if row.messages is None else "messages"
    turns: tuple[Message, ...] = turns_of(row.messages or row.conversations or (), row.system, field)
    if len(turns) < 2 or turns[-1].role != "assistant":
        raise DataError("expected a dialogue that ends with the assistant's answer", field=field)
    return turns[:-1], turns[-1].content


FORMAT = Format(
    name="kto-tags",
    title="LLaMA-Factory's KTO labels: an instruction and an output, or messages, and kto_tag or label (true or false)",
    keys=frozenset(),
    either=(
        frozenset({"instruction", "output", "kto_tag"}),
        frozenset({"messages", "kto_tag"}),
        frozenset({"messages", "label"}),
        frozenset({"conversations", "kto_tag"}),
        frozenset({"conversations", "label"}),
    ),
    row=TaggedRow,
    to_group=_to_group,
    fits=lambda row: "chosen" not in row,
)
