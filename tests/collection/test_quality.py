"""Repeats, leaks, biases and clicks at random: each by hand or where the truth is known."""

import numpy as np
import pytest

from polypref import Comparison, Group
from polypref.collection.quality import check_quality, clicks_at_random, leaked_prompts, position_bias
from polypref.errors import Undefined


def test_a_prompt_leaks_whatever_its_case_and_spacing():
    groups = [Group("What  is tea?", ["a"]), Group("what is tea?", ["b"]), Group("else", ["a"])]
    assert leaked_prompts(groups, [Group("what is TEA?", ["c"])]) == ["what is tea?"]


def test_position_by_hand():
    first = [Group(f"q{k}", ["a", "b"], [Comparison(0, 1) if k < 15 else Comparison(1, 0)]) for k in range(20)]
    found = position_bias(first)
    assert (found.first_wins, found.comparisons) == (0.75, 20)
    assert found.low < 0.75 < found.high
    with pytest.raises(Undefined, match="stands first in every comparison"):
        position_bias(first[:15])
    with pytest.raises(Undefined, match="no comparison is decided"):
        position_bias([Group("q", ["a", "b"], [Comparison(0, 1, 0.5)])])


def test_who_clicks_at_random_is_named():
    rng = np.random.default_rng(0)
    groups = []
    for k in range(120):
        truth = rng.random() < 0.5
        right = {"ann": 0.9, "bob": 0.85, "cid": 0.9, "coin": 0.5}
        said = [
            Comparison(0, 1, float(truth if rng.random() < share else not truth), annotator=name)
            for name, share in right.items()
        ]
        groups.append(Group(f"q{k}", ["a", "b"], said))
    (found,) = clicks_at_random(groups)
    assert (found.annotator, found.judgments) == ("coin", 120)
    assert 0.35 < found.accuracy < 0.65


def test_one_annotator_cannot_be_told():
    groups = [Group(f"q{k}", ["a", "b"], [Comparison(0, 1, annotator="ann")]) for k in range(3)]
    with pytest.raises(Undefined, match="name one annotator only, and nobody to compare with"):
        clicks_at_random(groups)
    found = check_quality(groups)
    assert (found.at_random, found.leaked, found.position_bias) == (None, None, None)
    assert found.why["clicks at random"].startswith("the decided comparisons name one annotator only")
    assert found.as_dict()["duplicates"] == {"prompts": 0, "responses": 0, "judgments": 0}
