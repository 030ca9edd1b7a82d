"""Labels that are doubted, dealt with by a policy; a log says all that was changed, and undoes it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from polypref.collection.suspects import Doubt, Doubts
from polypref.errors import DataError, PolyprefError, unknown
from polypref.files import replace_when_done
from polypref.groups.formats.polypref_jsonl import comparison_of_row, judgment_json
from polypref.groups.json_text import to_json
from polypref.groups.model import Comparison, Group

_VERSION = 1  # of the log


@dataclass(frozen=True)
class Change:
    """A comparison before and after; None after: it was dropped."""

    group: int
    at: int  # its place among the comparisons of the group, before
    before: Comparison
    after: Comparison | None
    doubt: Doubt


def clean_groups(groups: Sequence[Group], doubts: Doubts, policy: str) -> tuple[list[Group], list[Change]]:
    """The groups after one of `POLICIES`, and what it changed. Pairs on which people split stay as they are."""
    if policy not in POLICIES:
        raise PolyprefError(unknown("policy", policy, POLICIES))
    doubted: dict[int, dict[tuple[int, int], Doubt]] = defaultdict(dict)
    for doubt in doubts.pairs:
        if doubt.kind != "split":
            doubted[doubt.group][_pair(doubt.preferred, doubt.other)] = doubt
    changes = []
    for at in doubted:
        for place, comparison in enumerate(groups[at].comparisons):
            about = doubted[at].get(_pair(comparison.i, comparison.j))
            after = POLICIES[policy](comparison, about) if about else comparison
            if about and after != comparison:
                changes.append(Change(at, place, comparison, after, about))
    return _changed(groups, changes), changes


def write_log(changes: Iterable[Change], path: str | Path, policy: str) -> None:
    """One change a line, below a line that names the policy."""
    head = {"polypref": "clean", "version": _VERSION, "policy": policy}
    with replace_when_done(path) as file:
        for row in (head, *map(_row, changes)):
            file.write(to_json(row) + b"\n")


def undo(groups: Sequence[Group], log: str | Path) -> list[Group]:
    """The groups as they were before they were cleaned, exactly, by the log of `write_log`."""
    comparisons = [list(group.comparisons) for group in groups]
    for number, row in enumerate(_read(log), 2):
        try:
            own, at = comparisons[row["group"]], row["at"]
            before = comparison_of_row(row["before"])
            if row["after"] is None and at <= len(own):
                own.insert(at, before)
                continue
            fits = row["after"] is not None and own[at] == comparison_of_row(row["after"])
        except (KeyError, IndexError, TypeError, ValueError):
            fits = False
        if not fits:
            raise DataError("does not fit these data: give the file that was cleaned with it", file=log, row=number)
        own[at] = before
    return [_with(group, own) for group, own in zip(groups, comparisons)]


def _read(log: str | Path) -> list[Any]:
    try:
        rows = [json.loads(line) for line in Path(log).read_text().splitlines()]
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", file=log) from None
    except ValueError:
        raise DataError("is no log of polypref clean: it has a line that is not JSON", file=log) from None
    head = rows[0] if rows and isinstance(rows[0], dict) else {}
    if head.get("polypref") != "clean" or head.get("version") != _VERSION:
        raise DataError(f"is no log of polypref clean, version {_VERSION}", file=log)
    return rows[1:]


def _row(change: Change) -> dict[str, Any]:
    doubt = change.doubt
    evidence = ("kind", "share", "votes", "mean", "spread", "expected", "flipped")
    return {
        "group": change.group,
        "at": change.at,
        "before": judgment_json(change.before),
        "after": None if change.after is None else judgment_json(change.after),
        **{name: getattr(doubt, name) for name in evidence},
    }


def _changed(groups: Sequence[Group], changes: Iterable[Change]) -> list[Group]:
    made: dict[int, dict[int, Comparison | None]] = defaultdict(dict)
    for change in changes:
        made[change.group][change.at] = change.after
    cleaned = list(groups)
    for at, new in made.items():
        kept = (new.get(place, comparison) for place, comparison in enumerate(groups[at].comparisons))
        cleaned[at] = _with(groups[at], [comparison for comparison in kept if comparison is not None])
    return cleaned


def _with(group: Group, comparisons: Sequence[Comparison]) -> Group:
    return replace(group, comparisons=tuple(comparisons)) if tuple(comparisons) != group.comparisons else group


def _pair(i: int, j: int) -> tuple[int, int]:
    return (i, j) if i < j else (j, i)


def _flip(comparison: Comparison, doubt: Doubt) -> Comparison:
    """Suspected flips are turned."""
    return replace(comparison, p=1 - comparison.p) if doubt.kind == "flip" else comparison


def _drop(comparison: Comparison, doubt: Doubt) -> Comparison | None:
    """Suspected flips are left out."""
    return None if doubt.kind == "flip" else comparison


def _smooth(comparison: Comparison, doubt: Doubt) -> Comparison:
    """Suspected flips and near ties get the share that they have if each label is flipped as probably as it seems."""
    if doubt.kind == "sound":
        return comparison
    return replace(comparison, p=(1 - doubt.flipped) * comparison.p + doubt.flipped * (1 - comparison.p))


def _margin(comparison: Comparison, doubt: Doubt) -> Comparison:
    """Every label without a margin gets μ̂, which is negative where models contradict it: −log σ(Δ − μ̂)."""
    if comparison.margin is not None or comparison.p == 0.5:
        return comparison
    towards = 1 if (comparison.i == doubt.preferred) == (comparison.p > 0.5) else -1
    return replace(comparison, margin=towards * doubt.mean)


POLICIES: Mapping[str, Callable[[Comparison, Doubt], Comparison | None]] = {
    "flip": _flip,
    "smooth": _smooth,
    "drop": _drop,
    "margin": _margin,
}
