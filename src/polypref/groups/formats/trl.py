"""TRL's preference data: chosen and rejected, with an explicit or implicit prompt, plain or conversational."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union

from pydantic import Field

from polypref.errors import DataError
from polypref.groups.deriving import DERIVED_FROM, is_ranked
from polypref.groups.formats.base import Format, Options, Row
from polypref.groups.formats.chat import MessageRow, beside, messages_of
from polypref.groups.formats.pairs import (
    answer_text,
    is_transcript,
    pair_group,
    require_comparisons,
    shared_dialogue,
    shared_text,
)
from polypref.groups.formats.polypref_jsonl import name_of, or_one, prompt_json
from polypref.groups.formats.winners import split_sources
from polypref.groups.model import NOTHING, Comparison, Group, Message, Prompt

_FIELDS = ("chosen", "rejected")
_WRITERS = (("chosen_model", "rejected_model"), ("chosen-model", "rejected-model"))
_Number = Annotated[float, Field(strict=False)]  # in CSV a number is text


class TrlRow(Row):
    chosen: Union[str, list[MessageRow]]
    rejected: Union[str, list[MessageRow]]
    prompt: Union[str, list[MessageRow], None] = None
    margin: Union[_Number, None] = None
    # what TRL ignores and polypref writes beside it
    share: Union[_Number, None] = None  # of the votes, for `chosen`
    weight: Union[_Number, None] = None
    annotator: Union[str, int, None] = None
    criterion: Union[str, None] = None
    time: Union[_Number, None] = None
    domain: Union[str, None] = None
    id: Union[str, int, None] = None


def _to_group(row: TrlRow, options: Options) -> Group:
    prompt, answers = _prompt_and_answers(row)
    share, weight = or_one(row.share), or_one(row.weight)
    unknown = _without_copy(row) if isinstance(row.unknown.get("messages"), list) else row.unknown
    sources, unknown = split_sources(unknown, *_WRITERS)
    meta = {
        **unknown,
        **_beside(row.chosen, "chosen_messages"),
        **_beside(row.rejected, "rejected_messages"),
    } or NOTHING
    comparison = Comparison(0, 1, share, name_of(row.annotator), row.criterion, weight, row.time, row.margin, meta)
    more, ident = _beside(row.prompt, "prompt_messages"), name_of(row.id)
    return pair_group(
        prompt, answers, [comparison], _FIELDS, domain=row.domain, ident=ident, sources=sources, meta=more
    )


def _prompt_and_answers(row: TrlRow) -> tuple[Prompt, list[str]]:
    prompt, chosen, rejected = row.prompt, row.chosen, row.rejected
    if isinstance(chosen, str) and isinstance(rejected, str):
        if prompt is None:
            return shared_text((chosen, rejected), _FIELDS)
        if isinstance(prompt, str):
            if is_transcript(prompt) and chosen.startswith(prompt) and rejected.startswith(prompt):
                # the dialogue is told twice
                chosen, rejected = chosen[len(prompt) :].lstrip(), rejected[len(prompt) :].lstrip()
            return prompt, [chosen, rejected]
        return messages_of(prompt), [chosen, rejected]
    if isinstance(chosen, str) or isinstance(rejected, str):
        raise DataError("expected chosen and rejected of one kind, text or messages", field="rejected")
    dialogues = [messages_of(chosen), messages_of(rejected)]
    begins_with_answer = all(d and d[0].role == "assistant" for d in dialogues)
    if prompt is None or not begins_with_answer:
        return shared_dialogue(dialogues, _FIELDS)
    turns = (Message("user", prompt),) if isinstance(prompt, str) else messages_of(prompt)
    return turns, [answer_text(d) for d in dialogues]


def _without_copy(row: TrlRow) -> Mapping[str, Any]:
    # some publish the chosen dialogue once more, for fine-tuning
    copied = isinstance(row.chosen, list) and row.unknown["messages"] == [turn.original for turn in row.chosen]
    return {key: value for key, value in row.unknown.items() if key != "messages" or not copied} or NOTHING


def _beside(turns: str | list[MessageRow] | None, key: str) -> Mapping[str, Any]:
    return beside(turns, key) if isinstance(turns, list) else NOTHING


def _from_group(group: Group) -> Iterator[dict[str, Any]]:
    require_comparisons(group)
    for c in group.comparisons:
        i, j, share = (c.i, c.j, c.p) if c.p >= 0.5 else (c.j, c.i, 1 - c.p)
        row = {
            "prompt": prompt_json(group),
            "chosen": _answer_json(group, i),
            "rejected": _answer_json(group, j),
            "share": share,
            "weight": c.weight,
            "annotator": c.annotator,
            "criterion": c.criterion,
            "time": c.time,
            "domain": group.domain,
            "id": group.id,
        }
        if c.margin is not None:  # a column of nulls would stop TRL's trainer
            row["margin"] = c.margin
        if not is_ranked(c):
            row[DERIVED_FROM] = c.meta[DERIVED_FROM]
        yield row


def _answer_json(group: Group, k: int) -> str | list[dict[str, str]]:
    text = group.responses[k]
    return text if isinstance(group.prompt, str) else [{"role": "assistant", "content": text}]


FORMAT = Format(
    name="trl",
    title="TRL preference data: chosen, rejected, with or without prompt and margin",
    keys=frozenset(_FIELDS),
    row=TrlRow,
    to_group=_to_group,
    fits=lambda row: "prompt" in row or not is_transcript(row["chosen"]),
    from_group=_from_group,
    keeps="comparisons, with their share, weight, annotator, criterion and time in columns that TRL ignores",
)
