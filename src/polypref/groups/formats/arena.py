"""Chatbot Arena votes (33k, 100k, 140k) and MT-Bench judgments: two models' conversations and who won."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Union

from pydantic import BeforeValidator
from pydantic_core import from_json

from polypref.groups.formats.base import Format, Options, Row
from polypref.groups.formats.chat import MessageRow, beside, messages_of
from polypref.groups.formats.pairs import pair_group, shared_dialogue
from polypref.groups.formats.polypref_jsonl import name_of
from polypref.groups.formats.winners import Winner, said_of, share_of
from polypref.groups.model import Comparison, Group, Message

_FIELDS = ("conversation_a", "conversation_b")


def unpacked(cell: Any) -> Any:
    """What a cell of JSON text holds; a cell that holds anything else is left as it is."""
    try:
        return from_json(cell) if isinstance(cell, str) else cell
    except ValueError:
        return cell


Conversation = Annotated[list[MessageRow], BeforeValidator(unpacked)]


class Battle(Row):
    conversation_a: Conversation
    conversation_b: Conversation
    winner: Winner
    model_a: Union[str, None] = None
    model_b: Union[str, None] = None
    judge: Union[str, int, None] = None
    turn: Union[int, None] = None  # how many turns there are; in MT-Bench, how many of them were judged
    tstamp: Union[float, None] = None
    question_id: Union[str, int, None] = None
    id: Union[str, int, None] = None


def _to_group(row: Battle, options: Options) -> Group:
    dialogues = [_judged(turns, row.turn) for turns in (row.conversation_a, row.conversation_b)]
    prompt, answers = shared_dialogue(dialogues, _FIELDS)
    sources = (row.model_a, row.model_b)
    meta = {
        **row.unknown,
        **({} if row.turn is None else {"turn": row.turn}),
        **said_of(row.winner, "winner"),
        **beside(row.conversation_a, "conversation_a"),
        **beside(row.conversation_b, "conversation_b"),
    }
    share = share_of(row.winner, "winner", sources)
    comparison = Comparison(0, 1, share, name_of(row.judge), time=row.tstamp, meta=meta)
    ident = name_of(row.id if row.question_id is None else row.question_id)
    return pair_group(prompt, answers, [comparison], _FIELDS, ident=ident, sources=sources)


def _judged(turns: Sequence[MessageRow], count: int | None) -> list[Message]:
    dialogue: list[Message] = []
    for turn in messages_of(turns):
        dialogue.append(turn)
        if count is not None and sum(said.role == "assistant" for said in dialogue) == count:
            break
    return dialogue


FORMAT = Format(
    name="arena",
    title="Chatbot Arena (33k, 100k, 140k) and MT-Bench votes: two models' conversations and the winner",
    keys=frozenset({*_FIELDS, "model_a", "model_b", "winner"}),
    row=Battle,
    to_group=_to_group,
)
