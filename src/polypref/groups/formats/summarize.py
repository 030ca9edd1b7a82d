"""OpenAI's summarize_from_feedback (Stiennon et al. 2020, arXiv 2009.01325): which of two summaries is better."""

from __future__ import annotations

from typing import Any, Union

from polypref.errors import DataError
from polypref.groups.formats.base import Format, Options, Row
from polypref.groups.formats.pairs import pair_group
from polypref.groups.formats.polypref_jsonl import name_of
from polypref.groups.model import Comparison, Group, shown


class Info(Row):
    id: Union[str, int, None] = None
    post: Union[str, None] = None  # of Reddit's TL;DR
    title: Union[str, None] = None
    subreddit: Union[str, None] = None
    site: Union[str, None] = None
    article: Union[str, None] = None  # of CNN or the Daily Mail

    def prompt(self) -> str:
        """What the authors' models were asked."""
        if self.post:
            return f"SUBREDDIT: r/{self.subreddit or ''}\n\nTITLE: {self.title or ''}\n\nPOST: {self.post}\n\nTL;DR:"
        if self.article:
            return f"Article:\n{self.article}\n\nTL;DR:"
        raise DataError("expected a post or an article", field="info")

    def beside(self) -> dict[str, Any]:
        """What the prompt and the group's own fields do not say, for meta."""
        named = {"title": self.title} if self.title and not self.post else {}
        return {**named, **self.unknown}


class Summary(Row):
    text: str
    policy: Union[str, None] = None


class ChoiceRow(Row):
    info: Info
    summaries: list[Summary]
    choice: int
    worker: Union[str, int, None] = None


def _to_group(row: ChoiceRow, options: Options) -> Group:
    if len(row.summaries) != 2:
        raise DataError(f"expected two summaries, got {len(row.summaries)}", field="summaries")
    if row.choice not in (0, 1):
        raise DataError(f"expected 0 or 1, got {shown(row.choice)}", field="choice")
    first, second = row.summaries
    beside = [dict(summary.unknown) for summary in row.summaries]
    meta = {**row.unknown, **({"summaries": beside} if any(beside) else {})}
    comparison = Comparison(row.choice, 1 - row.choice, annotator=name_of(row.worker), meta=meta)
    return pair_group(
        row.info.prompt(),
        (first.text, second.text),
        [comparison],
        ("summaries[0].text", "summaries[1].text"),
        domain=row.info.subreddit or row.info.site,
        ident=name_of(row.info.id),
        sources=(first.policy, second.policy),
        meta=row.info.beside(),
    )


FORMAT = Format(
    name="summarize",
    title="OpenAI's summarize_from_feedback: a post or an article, two summaries and a worker's choice",
    keys=frozenset({"info", "summaries", "choice"}),
    row=ChoiceRow,
    to_group=_to_group,
)
