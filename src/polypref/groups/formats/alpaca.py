"""Chosen and rejected under an instruction, a question, an input or a query, as in Alpaca, Orca and LLaMA-Factory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Union

from polypref.errors import DataError
from polypref.groups.formats.base import Format, Options, Row
from polypref.groups.formats.pairs import is_transcript, pair_group
from polypref.groups.formats.polypref_jsonl import name_of
from polypref.groups.formats.winners import split_sources
from polypref.groups.model import Comparison, Group, Message, Prompt

_FIELDS = ("chosen", "rejected")
_ASKED = ("instruction", "question", "query", "input")
_WRITERS = (("chosen_model", "rejected_model"), ("chosen-model", "rejected-model"))


class Instruction(Row):
    """What asks: an instruction (by one of its names), what it is about, and what came before."""

    instruction: Union[str, None] = None
    question: Union[str, None] = None
    query: Union[str, None] = None
    input: Union[str, None] = None  # beside an instruction: what it is about
    system: Union[str, None] = None
    history: Union[list[list[str]], None] = None  # what was asked and answered before

    def prompt(self) -> Prompt:
        """The instruction and its input as text; with a system prompt or a history, as a conversation."""
        asked = [text for text in (self.instruction, self.question, self.query, self.input) if text and text.strip()]
        if not asked:
            given = [name for name in _ASKED if getattr(self, name) is not None]
            raise DataError("is empty" if given else "is missing", field=given[0] if given else "instruction")
        text = "\n\n".join(asked)
        before = [Message("system", self.system)] if self.system and self.system.strip() else []
        for k, turn in enumerate(self.history or ()):
            if len(turn) != 2:
                raise DataError("expected what was asked and what was answered", field=f"history[{k}]")
            before += [Message("user", turn[0]), Message("assistant", turn[1])]
        return (*before, Message("user", text)) if before else text


class PairRow(Instruction):
    chosen: str
    rejected: str
    id: Union[str, int, None] = None


def instructed_pair(
    row: Instruction, answers: Sequence[str], fields: Sequence[str], ident: str | None, sources: Sequence[str] = ()
) -> Group:
    """The group of an instruction's better answer and its worse one."""
    named, meta = split_sources(row.unknown, *_WRITERS)
    return pair_group(
        row.prompt(), answers, [Comparison(0, 1, meta=meta)], fields, ident=ident, sources=sources or named
    )


def _to_group(row: PairRow, options: Options) -> Group:
    return instructed_pair(row, (row.chosen, row.rejected), _FIELDS, name_of(row.id))


def _fits(row: Mapping[str, Any]) -> bool:
    # a whole dialogue says itself what was asked, whatever stands in a column beside it
    answers = [row[field] for field in _FIELDS]
    asked = row.get("prompt") is None and any(isinstance(row.get(name), str) for name in _ASKED)
    return asked and all(isinstance(answer, str) and not is_transcript(answer) for answer in answers)


FORMAT = Format(
    name="alpaca",
    title="chosen and rejected under an instruction, question, query or input (Alpaca, Orca, LLaMA-Factory)",
    keys=frozenset(_FIELDS),
    either=tuple(frozenset({name}) for name in _ASKED),
    row=PairRow,
    to_group=_to_group,
    fits=_fits,
)
