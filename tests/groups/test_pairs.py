"""Votes on a pair are added up once: by hand, and whatever the order and the orientation of the comparisons."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypref.groups.model import Comparison, Group
from polypref.groups.pairs import PairVotes, pair_votes, pooled, turned, votes_by_annotator

K = 4


def group_of(*comparisons: Comparison, domain: str | None = None) -> Group:
    return Group("Tea?", [f"answer {k}" for k in range(K)], comparisons, domain=domain)


@st.composite
def comparison(draw: st.DrawFn) -> Comparison:
    i, j = draw(st.permutations(range(K)))[:2]
    return Comparison(
        i,
        j,
        draw(st.integers(0, 8)) / 8,
        draw(st.sampled_from([None, "Ann", "Bob"])),
        draw(st.sampled_from([None, "help", "harm"])),
        weight=draw(st.integers(1, 5)),
        margin=draw(st.sampled_from([None, 0, 1, 2])),
    )


groups = st.lists(comparison(), max_size=12).map(lambda found: group_of(*found))


def wins(parts: list[PairVotes]) -> np.ndarray:
    """Votes for i over j, over all parts: [K, K]."""
    total = np.zeros((K, K))
    for part in parts:
        np.add.at(total, (part.first, part.second), part.votes * part.share)
        np.add.at(total, (part.second, part.first), part.votes * (1 - part.share))
    return total


def assert_same(a: PairVotes, b: PairVotes) -> None:
    for name in ("first", "second", "share", "votes", "margin"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=0, atol=1e-12)


def test_votes_in_either_order_are_added_up() -> None:
    found = pair_votes(group_of(Comparison(2, 0, weight=3), Comparison(0, 2), Comparison(1, 3, 0.5, weight=2)))
    assert found.first.tolist() == [0, 1]
    assert found.second.tolist() == [2, 3]
    assert found.share.tolist() == [0.25, 0.5]
    assert found.votes.tolist() == [4, 2]
    assert found.margin.tolist() == [0, 0]
    assert len(found) == 2


def test_margins_are_means_over_those_who_state_one_and_speak_for_the_first() -> None:
    found = pair_votes(group_of(Comparison(1, 0, margin=3, weight=2), Comparison(0, 1, margin=1), Comparison(0, 1)))
    assert found.margin.tolist() == pytest.approx([(-3 * 2 + 1) / 3])


def test_persons_are_kept_in_order_of_appearance() -> None:
    found = votes_by_annotator(
        group_of(Comparison(1, 0, annotator="Bob"), Comparison(0, 1, annotator="Ann"), Comparison(0, 1))
    )
    assert {name: part.share.tolist() for name, part in found.items()} == {"Bob": [0], "Ann": [1], None: [1]}
    assert list(found) == ["Bob", "Ann", None]


def test_nothing_said_is_no_pair() -> None:
    found = pair_votes(group_of())
    assert len(found) == 0
    assert found.votes.dtype == found.share.dtype == found.margin.dtype == np.float64
    assert votes_by_annotator(group_of()) == {}


def test_turned_and_pooled_columns() -> None:
    first, second, share = turned(np.array([5, 2]), np.array([2, 5]), np.array([1.0, 0.75]))
    assert (first.tolist(), second.tolist(), share.tolist()) == ([2, 2], [5, 5], [0, 0.75])
    found = pooled(np.array([9, 4, 9]), np.array([1.0, 0.5, 0.0]), np.array([1.0, 2.0, 3.0]))
    assert (found.at.tolist(), found.code.tolist()) == ([1, 0], [1, 0, 1])
    assert (found.share.tolist(), found.votes.tolist()) == ([0.5, 0.25], [2, 4])


@given(groups, st.data())
def test_orientation_changes_nothing(group: Group, data: st.DataObject) -> None:
    swap = [data.draw(st.booleans()) for _ in group.comparisons]
    said = [replace(c, i=c.j, j=c.i, p=1 - c.p) if s else c for c, s in zip(group.comparisons, swap)]
    assert_same(pair_votes(group), pair_votes(group_of(*said)))


@given(groups, st.data())
def test_the_order_of_comparisons_changes_nothing(group: Group, data: st.DataObject) -> None:
    said = data.draw(st.permutations(group.comparisons))
    assert_same(pair_votes(group), pair_votes(group_of(*said)))


@given(groups)
def test_the_votes_of_parts_add_up_to_those_of_the_whole(group: Group) -> None:
    whole = wins([pair_votes(group)])
    np.testing.assert_allclose(whole, wins(list(votes_by_annotator(group).values())), rtol=0, atol=1e-12)
    assert whole.sum() == pytest.approx(sum(c.weight for c in group.comparisons))
