"""Named people's votes: who is drawn, and what is said of telling them apart."""

from __future__ import annotations

import numpy as np
import pytest

from polypref.errors import Undefined
from polypref.groups.model import Comparison, Group
from polypref.groups.simulate import simulate
from polypref.inspection import voices as module
from polypref.inspection.inspector import inspect_groups
from polypref.inspection.voices import Voices

LONG, SHORT = "a long answer of many words that goes on and on without an end", "short one"


def by_length(people: int, prompts: int, *, opposed: bool) -> list[Group]:
    """Half of the people like long answers and half short ones, or all of them toss a coin."""
    rng = np.random.default_rng(0)
    groups = []
    for k in range(prompts):
        wants = [u % 2 if opposed else int(rng.integers(2)) for u in range(people)]
        votes = tuple(Comparison(0, 1, float(w), f"n{u}") for u, w in enumerate(wants))
        groups.append(Group(f"prompt {k}", (LONG, SHORT), votes))
    return groups


def test_inspect_says_whether_telling_persons_apart_pays() -> None:
    paying = inspect_groups(by_length(12, 40, opposed=True))
    assert paying.telling_apart is not None
    assert paying.telling_apart.pays
    assert paying.telling_apart.accuracy.value > 0.3
    assert "Persons" in repr(paying)
    assert "telling them apart pays" in repr(paying)
    tossed = inspect_groups(by_length(12, 40, opposed=False))
    assert tossed.telling_apart is not None
    assert not tossed.telling_apart.pays
    assert "is not seen to pay" in repr(tossed)
    assert tossed.as_dict()["telling_apart"]["people"] == 12


def test_it_pays_in_a_divided_crowd_and_not_in_one_of_one_mind() -> None:
    divided = inspect_groups(simulate("divided", 120, seed=1)).telling_apart
    consensus = inspect_groups(simulate("consensus", 120, seed=1)).telling_apart
    assert divided is not None
    assert consensus is not None
    assert divided.pays
    assert consensus.log_loss.value < divided.log_loss.value / 3


def test_nobody_named_is_said() -> None:
    seen = inspect_groups([Group("p", ("a", "b"), (Comparison(0, 1),))])
    assert seen.telling_apart is None
    assert seen.why["telling apart"] == "nobody is named in the comparisons"


def test_with_too_many_votes_whole_persons_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST", 200)
    groups = by_length(20, 40, opposed=True)
    some, turned = Voices(), Voices()
    for number, group in enumerate(groups):
        some.add(group, number, {})
    for number, group in reversed(list(enumerate(groups))):
        turned.add(group, number, {})
    found = some.told_apart(0)
    assert found.votes <= 200
    assert found.votes == 40 * found.people  # nobody in part
    assert turned.told_apart(0).people == found.people


def test_an_empty_collection_is_refused() -> None:
    with pytest.raises(Undefined, match="nobody is named"):
        Voices().told_apart(0)
