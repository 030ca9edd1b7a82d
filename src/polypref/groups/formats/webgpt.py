"""WebGPT comparisons (Nakano et al. 2021, arXiv 2112.09332): two answers with quotes and scores that sum to 0.

The answers' GPT-2 tokens (`tokens_0`, `tokens_1`) are not kept: they encode the same question, quotes and answer.
"""

from __future__ import annotations

from typing import Union

from polypref.errors import DataError
from polypref.groups.formats.base import Format, Options, Row
from polypref.groups.formats.pairs import pair_group
from polypref.groups.formats.polypref_jsonl import name_of
from polypref.groups.model import Comparison, Group

_FIELDS = ("answer_0", "answer_1")
_TOKENS = ("tokens_0", "tokens_1")


class Question(Row):
    full_text: str
    id: Union[str, int, None] = None
    dataset: Union[str, None] = None


class AnswersRow(Row):
    question: Question
    answer_0: str
    answer_1: str
    score_0: float  # from -1 to 1: how much answer 0 is preferred; the sign is the vote, and 0 a tie
    score_1: float


def _to_group(row: AnswersRow, options: Options) -> Group:
    if abs(row.score_0) > 1:
        raise DataError(f"expected a number from -1 to 1, got {row.score_0:g}", field="score_0")
    if row.score_0 != -row.score_1:
        raise DataError(f"expected the scores to sum to 0, got {row.score_0:g} and {row.score_1:g}", field="score_1")
    share = 0.5 if row.score_0 == 0 else float(row.score_0 > 0)
    meta = {key: value for key, value in row.unknown.items() if key not in _TOKENS}
    return pair_group(
        row.question.full_text,
        (row.answer_0, row.answer_1),
        [Comparison(0, 1, share, margin=abs(row.score_0), meta=meta)],
        _FIELDS,
        domain=row.question.dataset,
        ident=name_of(row.question.id),
        meta=row.question.unknown,
    )


FORMAT = Format(
    name="webgpt",
    title="WebGPT comparisons: a question, two answers with quotes, and a score of each",
    keys=frozenset({"question", *_FIELDS, "score_0", "score_1"}),
    row=AnswersRow,
    to_group=_to_group,
)
