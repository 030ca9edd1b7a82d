"""Chat messages as files write them, and the text that stands for what is more than text in them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Union

from pydantic import ModelWrapValidatorHandler, PrivateAttr, model_validator
from pydantic_core import from_json

from polypref.groups.formats.base import Row
from polypref.groups.json_text import plain
from polypref.groups.model import NOTHING, Message, as_messages


class MessageRow(Row):
    """One turn. Tool calls and parts of content are read as text, and what that leaves out is kept in `original`."""

    role: str
    content: str
    _original: Union[Mapping[str, Any], None] = PrivateAttr(None)

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, value: Any, handler: ModelWrapValidatorHandler[MessageRow]) -> MessageRow:
        text = _text_of(value) if isinstance(value, dict) else None
        if text is None:
            return handler(value)
        row = handler({**value, "content": text})
        if not _is_plain(value):
            row._original = dict(value)
        return row

    @property
    def original(self) -> Mapping[str, Any]:
        """The message as the file has it."""
        return self._original or self.model_dump()

    @property
    def says_more(self) -> bool:
        """Whether the message holds more than its role and its text: a name, tool calls, an image."""
        return self._original is not None or bool(self.unknown)


def messages_of(rows: Iterable[MessageRow]) -> tuple[Message, ...]:
    """The turns with what they say."""
    return as_messages((row.role, row.content) for row in rows)


def beside(rows: Iterable[MessageRow], key: str) -> Mapping[str, Any]:
    """The messages as the file has them under `key`, for meta, if any of them says more than text."""
    messages = list(rows)
    return {key: [plain(row.original) for row in messages]} if any(row.says_more for row in messages) else NOTHING


def _text_of(message: Mapping[str, Any]) -> str | None:
    # None: the content is plain text already, or nothing that can be read
    content, calls = message.get("content"), _calls(message)
    if isinstance(content, list):
        parts = [_part(part) for part in content]
    elif content is None or isinstance(content, str):
        parts = [content] if content else []
        if not calls:
            return None
    else:
        return None
    texts = [part for part in parts if part is not None]
    if len(texts) < len(parts):
        return None
    return "\n".join([*texts, *(_call(call) for call in calls)])


def _calls(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    calls = message.get("tool_calls") or [message.get("function_call")]
    return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []


def _call(call: Mapping[str, Any]) -> str:
    function = call.get("function")
    named = function if isinstance(function, dict) else call
    arguments = named.get("arguments")
    if isinstance(arguments, str):
        try:
            arguments = from_json(arguments)
        except ValueError:  # what the model called was no JSON; it is shown as it was
            arguments = str(arguments)
    said = {"name": named.get("name"), "arguments": arguments}
    return f"<tool_call>{json.dumps(said, ensure_ascii=False, default=str)}</tool_call>"


def _part(part: Any) -> str | None:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        return None
    text, kind = part.get("text"), part.get("type")
    if isinstance(text, str) and kind in ("text", None):
        return text
    return f"<{kind}>" if isinstance(kind, str) and kind != "text" else None


def _is_plain(message: Mapping[str, Any]) -> bool:
    # whether the text alone says all that the content does
    parts = message.get("content")
    return isinstance(parts, list) and not _calls(message) and all(map(_is_text, parts))


def _is_text(part: Any) -> bool:
    return isinstance(part, str) or all(value is None or key in ("type", "text") for key, value in part.items())
