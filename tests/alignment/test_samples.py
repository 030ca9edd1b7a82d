"""Samples are written and read as they were."""

from __future__ import annotations

import numpy as np
import pytest

from polypref import Comparison, Group
from polypref.alignment.samples import Samples, differing, load_samples, save_samples
from polypref.alignment.sampling import Sample
from polypref.errors import DataError
from polypref.groups.writing import save_groups

PROMPT = Group("What?", ("x", "y"), [Comparison(0, 1)], domain="d", id="7", meta={"note": 1})


def test_what_people_said_is_left_out_and_the_rest_comes_back(tmp_path) -> None:
    one = Samples.of(PROMPT, [Sample((1, 2), "end"), Sample((3,), "length")], ["a", "b"])
    assert one.group == Group("What?", ("a", "b"), domain="d", id="7")
    full = Samples(
        one.group,
        one.tokens,
        one.ended,
        {"before": (-1.25, -2.0)},
        np.array([[0.0, 1.5], [-1.5, 0.0]]),
        np.array([[0.1, 0.2]]),
    )
    save_samples([one, full], tmp_path / "samples.jsonl")
    plain, again = load_samples(tmp_path / "samples.jsonl")
    assert (plain.group, plain.tokens, plain.ended, dict(plain.log_probs)) == (one.group, one.tokens, one.ended, {})
    assert plain.log_odds is None
    assert again.log_probs == {"before": (-1.25, -2.0)}
    np.testing.assert_array_equal(again.log_odds, full.log_odds)
    np.testing.assert_array_equal(again.rewards, full.rewards)


def test_equal_samples_teach_nothing() -> None:
    same, other = (
        Samples.of(PROMPT, [Sample((1,), "end"), Sample((2,), "end")], texts) for texts in (["a", "a"], ["a", "b"])
    )
    assert differing([same, other]) == [other]


def test_other_groups_are_no_samples(tmp_path) -> None:
    save_groups([PROMPT], tmp_path / "other.jsonl")
    with pytest.raises(DataError, match="holds no samples of a policy"):
        load_samples(tmp_path / "other.jsonl")
