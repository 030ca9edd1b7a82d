"""Chatbot Arena votes as Kaggle has them (55k): turns as JSON lists in text, and a column for each outcome."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Union

from pydantic import BeforeValidator

from polypref.errors import DataError
from polypref.groups.formats.arena import unpacked
from polypref.groups.formats.base import Format, Options, Row
from polypref.groups.formats.pairs import pair_group, shared_dialogue
from polypref.groups.formats.polypref_jsonl import name_of
from polypref.groups.formats.votes import Number, number
from polypref.groups.formats.winners import split_sources
from polypref.groups.model import Comparison, Group, Message, shown

_FIELDS = ("response_a", "response_b")
_OUTCOMES = {"winner_model_a": 1.0, "winner_model_b": 0.0, "winner_tie": 0.5}

Turns = Annotated[list[Union[str, None]], BeforeValidator(unpacked)]  # null: nothing was said


class KaggleRow(Row):
    prompt: Turns
    response_a: Turns
    response_b: Turns
    winner_model_a: Number
    winner_model_b: Number
    winner_tie: Number
    id: Union[str, int, None] = None


def _to_group(row: KaggleRow, options: Options) -> Group:
    cells = {"winner_model_a": row.winner_model_a, "winner_model_b": row.winner_model_b, "winner_tie": row.winner_tie}
    won = {name: number(cell, name) for name, cell in cells.items()}
    if sorted(won.values()) != [0, 0, 1]:
        outcomes = ", ".join(shown(value) for value in won.values())
        raise DataError(f"expected one outcome to be 1 and the others 0, got {outcomes}", field="winner_model_a")
    share = next(_OUTCOMES[name] for name, value in won.items() if value == 1)
    dialogues = [_dialogue(row.prompt, turns, field) for turns, field in zip((row.response_a, row.response_b), _FIELDS)]
    prompt, answers = shared_dialogue(dialogues, _FIELDS)
    sources, meta = split_sources(row.unknown, ("model_a", "model_b"))
    comparison = Comparison(0, 1, share, meta=meta)
    return pair_group(prompt, answers, [comparison], _FIELDS, ident=name_of(row.id), sources=sources)


def _dialogue(asked: Sequence[str | None], answered: Sequence[str | None], field: str) -> list[Message]:
    if len(asked) != len(answered):
        raise DataError(f"expected an answer to each of {len(asked)} prompts, got {len(answered)}", field=field)
    turns = zip(asked, answered)
    return [turn for q, a in turns for turn in (Message("user", q or ""), Message("assistant", a or ""))]


FORMAT = Format(
    name="arena-55k",
    title="Chatbot Arena votes as Kaggle has them (55k): turns as JSON text, a column for each outcome",
    keys=frozenset({"prompt", *_FIELDS, *_OUTCOMES}),
    row=KaggleRow,
    to_group=_to_group,
)
