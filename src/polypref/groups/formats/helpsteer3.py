"""HelpSteer3-Preference (Wang et al. 2025, arXiv 2505.11475): a conversation, two responses, up to three annotators."""

from __future__ import annotations

from typing import Union

from polypref.groups.formats.base import Format, Options, Row
from polypref.groups.formats.chat import MessageRow, beside, messages_of
from polypref.groups.formats.helpsteer2_preference import strength_comparison
from polypref.groups.formats.pairs import pair_group
from polypref.groups.model import Group


class Opinion(Row):
    score: int  # -3 = response1 is much better … 3 = response2 is, 0 = a tie


class PreferenceRow(Row):
    context: list[MessageRow]
    response1: str
    response2: str
    overall_preference: int
    individual_preference: Union[list[Opinion], None] = None
    domain: Union[str, None] = None


def _to_group(row: PreferenceRow, options: Options) -> Group:
    comparisons = [
        strength_comparison(opinion.score, f"individual_preference[{k}].score", opinion.unknown)
        for k, opinion in enumerate(row.individual_preference or ())
    ] or [strength_comparison(row.overall_preference, "overall_preference", {})]
    answers, fields = (row.response1, row.response2), ("response1", "response2")
    meta = {"overall_preference": row.overall_preference, **row.unknown, **beside(row.context, "prompt_messages")}
    return pair_group(messages_of(row.context), answers, comparisons, fields, domain=row.domain, meta=meta)


FORMAT = Format(
    name="helpsteer3",
    title="HelpSteer3 preferences: a conversation, two responses and each annotator's score from -3 to 3",
    keys=frozenset({"context", "response1", "response2", "overall_preference"}),
    row=PreferenceRow,
    to_group=_to_group,
)
