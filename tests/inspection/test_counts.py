"""What is counted: votes, repeats, contradictions, sources."""

from __future__ import annotations

from polypref import Comparison, Group, Rating, inspect_groups
from polypref.inspection.findings import Contradictions, Duplicates, Spread


def test_counts_repeats_and_contradictions():
    groups = [
        Group("q", ("a", "b"), [Comparison(0, 1, annotator="x"), Comparison(1, 0, annotator="x")]),
        Group("Q ", ("c", "c"), [Comparison(0, 1, annotator="y", weight=3)]),
        Group("r", ("d", "e", "f"), [Comparison(0, 1), Comparison(0, 1, p=0)], [Rating(2, "fine")]),
    ]
    found = inspect_groups(groups)
    assert (found.groups, found.prompts, found.responses, found.comparisons, found.ratings) == (3, 2, 7, 5, 1)
    assert found.annotators == 2
    assert found.duplicates == Duplicates(prompts=1, responses=1, judgments=0)
    assert found.contradictions == Contradictions(pairs=2, by_one_annotator=1)
    assert found.labels == {"fine": 1}
    assert found.votes.per_pair == Spread(min=2.0, median=2.0, max=3.0)


def test_votes_behind_a_share_can_contradict_each_other():
    groups = [Group(f"q{k}", ("a", "b"), [Comparison(0, 1, p=0.6, weight=10)]) for k in range(5)]
    groups += [Group("single", ("a", "b"), [Comparison(0, 1, p=0.6)])]  # a judge's doubt is no contradiction
    assert inspect_groups(groups).contradictions.pairs == 5
