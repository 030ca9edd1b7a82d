"""Nectar (Zhu et al. 2023): a dialogue and seven answers of named models, ranked by GPT-4; rank 1 is best."""

from __future__ import annotations

import itertools
from typing import Union

from polypref.errors import DataError
from polypref.groups.formats.base import Format, Options, Row
from polypref.groups.formats.pairs import is_transcript, parse_transcript
from polypref.groups.merging import distinct_responses
from polypref.groups.model import Comparison, Group, Prompt


class Answer(Row):
    answer: str
    rank: float
    model: Union[str, None] = None


class RankedRow(Row):
    prompt: str
    answers: list[Answer]


def _to_group(row: RankedRow, options: Options) -> Group:
    if len(row.answers) < 2:
        raise DataError("expected at least two answers to compare", field="answers")
    for k, answer in enumerate(row.answers):
        if not answer.answer.strip():
            raise DataError("is empty", field=f"answers[{k}].answer")
    pairs = itertools.permutations(range(len(row.answers)), 2)
    comparisons = tuple(Comparison(i, j) for i, j in pairs if _is_better(row.answers[i], row.answers[j]))
    beside = [{"rank": answer.rank, **answer.unknown} for answer in row.answers]
    sources = tuple(answer.model or None for answer in row.answers)
    group = Group(
        _prompt(row.prompt),
        tuple(answer.answer for answer in row.answers),
        comparisons,
        sources=sources if any(sources) else (),
        meta={**row.unknown, "ranked": beside},
    )
    return distinct_responses(group)


def _is_better(one: Answer, other: Answer) -> bool:
    # two models may give one answer, and equal ranks say nothing
    return one.rank < other.rank and one.answer != other.answer


def _prompt(text: str) -> Prompt:
    if not is_transcript(text):
        return text
    turns = parse_transcript(text, "prompt")
    return tuple(turns[:-1] if turns[-1].role == "assistant" and not turns[-1].content else turns)


FORMAT = Format(
    name="nectar",
    title="Nectar: a dialogue and ranked answers of named models",
    keys=frozenset({"prompt", "answers"}),
    row=RankedRow,
    to_group=_to_group,
    fits=lambda row: isinstance(row["answers"], list),
)
