"""The text/score form of the DSP repository (arXiv 2309.03126): whole dialogues and a score for each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Union

from polypref.errors import DataError
from polypref.groups.deriving import comparison_of_scores
from polypref.groups.formats.base import Format, Options, Row
from polypref.groups.formats.hh_rlhf import transcript
from polypref.groups.formats.pairs import (
    is_transcript,
    parse_transcript,
    require_comparisons,
    shared_dialogue,
    shared_text,
)
from polypref.groups.formats.polypref_jsonl import name_of
from polypref.groups.model import Group, Prompt


class TextScoreRow(Row):
    text: list[str]
    score: list[float]
    domain: Union[str, None] = None
    id: Union[str, int, None] = None


def _to_group(row: TextScoreRow, options: Options) -> Group:
    if len(row.text) != len(row.score):
        raise DataError(f"expected one score for each of {len(row.text)} texts, got {len(row.score)}", field="score")
    if len(row.text) < 2:
        raise DataError("expected at least two texts to compare", field="text")
    fields = [f"text[{k}]" for k in range(len(row.text))]
    prompt: Prompt
    if all(map(is_transcript, row.text)):
        dialogues = [parse_transcript(text, field) for text, field in zip(row.text, fields)]
        prompt, answers = shared_dialogue(dialogues, fields)
    else:
        prompt, answers = shared_text(row.text, fields)
    for k, (answer, field) in enumerate(zip(answers, fields)):
        if not answer:
            raise DataError("is empty after the shared prompt", field=field)
        if answer in answers[:k]:
            raise DataError(f"{fields[answers.index(answer)]} and {field} are the same text", field=field)
    comparisons = tuple(
        comparison_of_scores(i, j, row.score) for i, j in itertools.combinations(range(len(answers)), 2)
    )
    return Group(prompt, tuple(answers), comparisons, (), row.domain, name_of(row.id), meta=row.unknown)


def _from_group(group: Group) -> Iterator[dict[str, Any]]:
    require_comparisons(group)
    for c in group.comparisons:
        if c.p not in (0.0, 0.5, 1.0):
            raise DataError(f"has a share of {c.p:g}, and this format holds hard votes; write trl or polypref")
        yield {"text": [transcript(group, c.i), transcript(group, c.j)], "score": [c.p, 1 - c.p]}


FORMAT = Format(
    name="text-score",
    title="text/score: whole dialogues with a score each, the first turns shared",
    keys=frozenset({"text", "score"}),
    row=TextScoreRow,
    to_group=_to_group,
    fits=lambda row: isinstance(row["text"], list),
    from_group=_from_group,
    keeps="hard votes and ties alone",
)
