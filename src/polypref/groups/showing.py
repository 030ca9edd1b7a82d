"""A group as a terminal and a notebook show it: the beginnings of its texts, and its first judgments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Union

from polypref import notebook
from polypref.markup import Markup, cut

if TYPE_CHECKING:
    from polypref.groups.model import Comparison, Group, Rating

_PROMPT, _RESPONSE = 60, 40  # characters of a text on a line
_RESPONSES = 4  # responses on a line
_MOST = 10  # rows of a kind in a table
_Columns = Mapping[str, Sequence[Union[str, float, None]]]  # by name, each [judgments shown]


def line(group: Group) -> str:
    """The group on one line."""
    texts = [repr(cut(text, _RESPONSE)) for text in group.responses[:_RESPONSES]]
    if len(group) > _RESPONSES:
        texts.append(notebook.more(len(group) - _RESPONSES))
    named = [f"{name}={value!r}" for name, value in (("domain", group.domain), ("id", group.id)) if value is not None]
    parts = [repr(cut(group.prompt_text, _PROMPT)), f"[{', '.join(texts)}]", *_counts(group), *named]
    return f"Group({', '.join(parts)})"


def html(group: Group) -> Markup:
    """The group as tables: its texts, its comparisons, its ratings."""
    title = " · ".join(filter(None, ["Group", group.id, group.domain, _counted(len(group), "response")]))
    tables = [notebook.facts([*_first(_turns(group)), *_first(_responses(group))])]
    if group.comparisons:
        tables.append(_table(_comparisons(group.comparisons[:_MOST]), len(group.comparisons)))
    if group.ratings:
        tables.append(_table(_ratings(group.ratings[:_MOST]), len(group.ratings)))
    return notebook.box(f"{title} · {', '.join(_counts(group))}", *tables)


def _counts(group: Group) -> list[str]:
    counts = {"comparison": len(group.comparisons), "rating": len(group.ratings)}
    return [_counted(count, name) for name, count in counts.items() if count] or ["no judgments"]


def _counted(count: int, name: str) -> str:
    return f"{count:,} {name}" if count == 1 else f"{count:,} {name}s"


def _turns(group: Group) -> list[tuple[str, str]]:
    return [("prompt", group.prompt)] if isinstance(group.prompt, str) else [(m.role, m.content) for m in group.prompt]


def _responses(group: Group) -> list[tuple[str, str]]:
    sources = group.sources or (None,) * len(group)
    named = [f"response {at}" if source is None else f"response {at}, {source}" for at, source in enumerate(sources)]
    return list(zip(named, group.responses, strict=True))


def _first(rows: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    more = len(rows) - _MOST
    return [*rows[:_MOST], *([(notebook.more(more), "")] if more > 0 else [])]


def _comparisons(seen: Sequence[Comparison]) -> _Columns:
    places: _Columns = {"i": [c.i for c in seen], "j": [c.j for c in seen], "p": [c.p for c in seen]}
    return {**places, **_used({**_of_both(seen), "margin": [c.margin for c in seen]})}


def _ratings(seen: Sequence[Rating]) -> _Columns:
    return {"i": [r.i for r in seen], "label": [r.label for r in seen], **_used(_of_both(seen))}


def _of_both(seen: Sequence[Comparison | Rating]) -> _Columns:
    weights = [one.weight for one in seen]
    return {
        "weight": weights if any(weight != 1 for weight in weights) else [],
        "annotator": [one.annotator for one in seen],
        "criterion": [one.criterion for one in seen],
        "time": [one.time for one in seen],
    }


def _used(columns: _Columns) -> _Columns:
    return {name: values for name, values in columns.items() if any(value is not None for value in values)}


def _table(columns: _Columns, count: int) -> Markup:
    rows = [[_text(value) for value in row] for row in zip(*columns.values(), strict=True)]
    return notebook.table(list(columns), rows, count - len(rows))


def _text(value: str | float | None) -> str:
    return "" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)
