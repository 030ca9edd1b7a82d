"""Data whose inspections are pinned: `python -m tests.inspection.cases` writes `fixtures/inspections.json` anew."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from polypref import Comparison, Group, Rating, inspect_groups, simulate

PINNED = Path(__file__).parent / "fixtures" / "inspections.json"


def criteria() -> list[Group]:
    """Two criteria that rate the same responses, with one voter each and labels that are names."""
    rated = [Rating(0, "fine", criterion="tone"), Rating(1, "poor", criterion="tone", annotator="a1")]
    votes = [Comparison(0, 1, criterion="truth", annotator="a1"), Comparison(0, 1, p=0.25, weight=4, criterion="tone")]
    return [Group(f"question {k}", ("yes", "no, never"), votes, rated, sources=("m1", "m2")) for k in range(12)]


CASES = {
    **{name: simulate(name, 40, seed=1) for name in ("consensus", "divided", "domains", "cyclic", "drift")},
    "hidden context, without ratings": [
        replace(group, ratings=(), scale=()) for group in simulate("hidden-context", 40, seed=1)
    ],
    "criteria": criteria(),
    "pairs": [Group(f"question {k}", ("a", "bb"), (Comparison(0, 1),), sources=("m1", "m2")) for k in range(3)],
    "unjudged": [Group(f"question {k}", ("a", "bb")) for k in range(3)],
}


if __name__ == "__main__":
    found = {name: inspect_groups(groups).as_dict() for name, groups in CASES.items()}
    PINNED.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
