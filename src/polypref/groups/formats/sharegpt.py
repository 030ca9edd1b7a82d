"""ShareGPT-style pairs (LLaMA-Factory): a conversation of from/value turns, and a chosen and a rejected turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Union

from polypref.errors import DataError
from polypref.groups.formats.base import Format, Options, Row
from polypref.groups.formats.pairs import pair_group
from polypref.groups.formats.polypref_jsonl import name_of
from polypref.groups.formats.winners import split_sources
from polypref.groups.json_text import plain
from polypref.groups.model import NOTHING, Comparison, Group, Message, shown

_FIELDS = ("chosen", "rejected")
_SAID = ("from", "value", "role", "content")
_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "function_call": "assistant",
    "observation": "tool",
    "tool": "tool",
    "system": "system",
}


class ConversationRow(Row):
    conversations: list[dict[str, Any]]
    chosen: Union[str, dict[str, Any]]
    rejected: Union[str, dict[str, Any]]
    system: Union[str, None] = None
    id: Union[str, int, None] = None


def turn_of(turn: object, field: str) -> Message:
    """One turn, with the roles that chat templates know."""
    speaker = _first(turn, "from", "role")
    value = _first(turn, "value", "content")
    if not isinstance(value, str):
        raise DataError(f"expected text, got {shown(value)}", field=f"{field}.value")
    if not isinstance(speaker, str) or speaker not in _ROLES:
        raise DataError(f"expected one of {', '.join(_ROLES)}, got {shown(speaker)}", field=f"{field}.from")
    return Message(_ROLES[speaker], f"<tool_call>{value}</tool_call>" if speaker == "function_call" else value)


def turns_of(turns: Sequence[object], system: str | None = None, field: str = "conversations") -> tuple[Message, ...]:
    """A conversation, with its system prompt first."""
    said = [turn_of(turn, f"{field}[{k}]") for k, turn in enumerate(turns)]
    return (Message("system", system), *said) if system and system.strip() else tuple(said)


def turns_beside(turns: Sequence[Any], key: str) -> Mapping[str, Any]:
    """The turns as the file has them under `key`, for meta, if any of them says more than who said what."""
    more = any(value is not None and name not in _SAID for turn in turns for name, value in turn.items())
    return {key: plain(turns)} if more else NOTHING


def _first(turn: object, *keys: str) -> object:
    return next((turn[key] for key in keys if key in turn), None) if isinstance(turn, dict) else None


def _to_group(row: ConversationRow, options: Options) -> Group:
    answers = [
        answer if isinstance(answer, str) else turn_of(answer, field).content
        for answer, field in zip((row.chosen, row.rejected), _FIELDS)
    ]
    sources, meta = split_sources(row.unknown, ("chosen_model", "rejected_model"), ("chosen-model", "rejected-model"))
    prompt = turns_of(row.conversations, row.system)
    meta = {**meta, **turns_beside(row.conversations, "conversations")} or NOTHING
    comparison = Comparison(0, 1, meta=meta)
    return pair_group(prompt, answers, [comparison], _FIELDS, ident=name_of(row.id), sources=sources)


FORMAT = Format(
    name="sharegpt",
    title="ShareGPT pairs (LLaMA-Factory): conversations of from/value turns, chosen and rejected",
    keys=frozenset({"conversations", *_FIELDS}),
    row=ConversationRow,
    to_group=_to_group,
    fits=lambda row: isinstance(row["conversations"], list),
)
