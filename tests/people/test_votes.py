"""From groups to arrays of votes."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from polypref.errors import DataError, Undefined
from polypref.groups.model import Comparison, Group
from polypref.people import SpellingWarning, read_votes, votes_of

GROUPS = [
    Group(
        "p",
        ("a", "b", "c"),
        (
            Comparison(2, 0, 1.0, "ann"),
            Comparison(0, 1, 0.5, "bob"),
            Comparison(0, 1, 1.0, "bob", weight=3),
            Comparison(0, 1, 1.0),
        ),
    ),
    Group("q", ("d", "e"), (Comparison(0, 1, 0.0, "ann"),)),
]
STATES = [np.arange(6.0).reshape(3, 2), np.array([[10.0, 0.0], [20.0, 1.0]])]


def test_votes_by_hand() -> None:
    votes = read_votes(zip(GROUPS, STATES))
    assert votes.names == ("ann", "bob")
    assert votes.person.tolist() == [0, 0, 1]
    assert votes.first.tolist() == [0, 3, 0]
    assert votes.second.tolist() == [2, 4, 1]
    assert votes.share == pytest.approx([0, 0, 3.5 / 4])  # one tie and three votes
    assert votes.weight.tolist() == [1, 1, 4]
    assert votes.prompt.tolist() == [0, 1, 0]
    assert votes.starts.tolist() == [0, 2, 3]
    assert votes.difference(slice(0, 3)).tolist() == [[-4, -4], [-10, -1], [-2, -2]]
    directions = np.array([[1.0], [2.0]])
    assert votes.projected(directions) == pytest.approx(votes.difference(slice(0, 3)) @ directions)


def test_a_persons_votes_alone() -> None:
    votes = read_votes(zip(GROUPS, STATES)).of("bob")
    assert votes.names == ("bob",)
    assert votes.person.tolist() == [0]
    assert votes.share == pytest.approx([3.5 / 4])
    with pytest.raises(DataError, match="nobody is called 'eve'"):
        votes.of("eve")


def test_halves_keep_a_persons_prompt_together() -> None:
    rng = np.random.default_rng(0)
    votes = votes_of(
        rng.normal(size=(9, 2)), [0] * 400, [1] * 400, np.repeat([0, 1], 200), prompt=np.arange(400) // 4 % 25
    )
    known, held = votes.halves(0.25, 0)
    assert len(known) + len(held) == 400
    assert 50 < len(held) < 150
    for person in (0, 1):
        assert not set(known.prompt[known.person == person]) & set(held.prompt[held.person == person])
    again, _ = votes.halves(0.25, 0)
    assert (again.prompt == known.prompt).all()


def test_nobody_named_is_one_sentence() -> None:
    with pytest.raises(Undefined, match="nobody is named"):
        read_votes([(Group("p", ("a", "b"), (Comparison(0, 1),)), np.zeros((2, 1)))])


def test_two_spellings_are_told_and_kept_apart() -> None:
    group = Group("p", ("a", "b"), (Comparison(0, 1, 1.0, "Ann Lee"), Comparison(0, 1, 0.0, "ann  lee")))
    with pytest.warns(SpellingWarning, match="'Ann Lee' and 'ann  lee'"):
        votes = read_votes([(group, np.eye(2))])
    assert votes.people == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_votes(zip(GROUPS, STATES))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"second": [0, 9]}, "second: expected numbers from 0 to 2, got 0 to 9"),
        ({"share": [0.5, 1.5]}, "share: expected shares from 0 to 1"),
        ({"weight": [1, 0]}, "weight: expected positive numbers of votes"),
        ({"prompt": [1]}, "prompt: expected 2 entries"),
        ({"names": ["ann"]}, "person: expected numbers from 0 to 0, got 0 to 1"),
        ({"states": [[np.nan]] * 3}, "expected states"),
    ],
)
def test_bad_arrays_are_one_sentence(changed: dict[str, object], sentence: str) -> None:
    given: dict[str, object] = {"states": np.zeros((3, 2)), "first": [0, 1], "second": [1, 2], "person": [0, 1]}
    with pytest.raises(DataError, match=sentence):
        votes_of(**{**given, **changed})  # type: ignore[arg-type]
