"""Policies by their samples, against means and counts worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from polypref import Group
from polypref.errors import DataError
from polypref.evaluation.policies import NO_ANSWER, describe_texts, mean_over_prompts, versus
from polypref.evaluation.prediction import Prediction


class Judge:
    """Prefers the text with more letters a; a stand-in for a model, which only encodes."""

    def encode(self, groups):
        for group in groups:
            worth = np.array([float(text.count("a")) for text in group.responses])
            yield group, Prediction(preferences=sigma(worth[:, None] - worth))


def sampled(*texts: tuple[str, ...]) -> list[Group]:
    return [Group(f"Prompt {at}?", of_prompt) for at, of_prompt in enumerate(texts)]


def sigma(x):
    return 1 / (1 + np.exp(-x))


def test_the_win_rate_is_the_mean_over_prompts_of_the_mean_over_pairs() -> None:
    mine, theirs = sampled(("aa", "b"), ("a",)), sampled(("a",), ("a", "aaa"))
    found = versus(Judge(), mine, theirs)
    assert found.win_rate.value == pytest.approx(((sigma(1) + sigma(-1)) / 2 + (0.5 + sigma(-2)) / 2) / 2)
    assert found.longer == pytest.approx((0.5 - 1) / 2)
    assert found.prompts == 2
    assert found.win_rate.low <= found.win_rate.value <= found.win_rate.high


def test_prompts_that_only_one_answered_are_left_out() -> None:
    assert versus(Judge(), sampled(("aa",), ("a",)), sampled(("a",))).prompts == 1
    with pytest.raises(DataError, match="no prompt in common"):
        versus(Judge(), [Group("Other?", ("a",))], sampled(("a",)))


def test_who_says_nothing_loses_and_has_no_length() -> None:
    mine, theirs = sampled((NO_ANSWER, "a")), sampled(("b", NO_ANSWER))
    found = versus(Judge(), mine, theirs)
    assert found.win_rate.value == pytest.approx((0 + 0.5 + sigma(1) + 1) / 4)
    assert found.longer == pytest.approx(0)
    silent = versus(Judge(), sampled((NO_ANSWER,), ("b",)), sampled((NO_ANSWER,), ("b",)))
    assert silent.win_rate.value == pytest.approx(0.5)


def test_texts_without_text_by_hand() -> None:
    found = describe_texts(sampled(("a b", NO_ANSWER), ("c", "c")))
    assert found.length.value == pytest.approx((3 / 2 + 1) / 2)
    assert found.empty == pytest.approx(1 / 4)
    assert found.distinct_1 == pytest.approx((1 + 1 / 2) / 2)
    assert found.repeated == pytest.approx((0 + 0.5) / 2)


def test_means_count_prompts_alike() -> None:
    found = mean_over_prompts([[1.0, 3.0], [5.0], [2.0, 2.0, 2.0]])
    assert found.value == pytest.approx((2 + 5 + 2) / 3)
    assert found.low < found.value < found.high
    with pytest.raises(DataError, match="no samples"):
        mean_over_prompts([])


def test_texts_by_hand() -> None:
    found = describe_texts(sampled(("a b a", "a b a"), ("c",)), [["end", "length"], ["end"]])
    assert found.length.value == pytest.approx((5 + 1) / 2)
    assert found.distinct_1 == pytest.approx((2 / 6 + 1) / 2)
    assert found.distinct_2 == pytest.approx((2 / 4 + 1) / 2)
    assert found.repeated == pytest.approx((0.5 + 0) / 2)
    assert found.ended == pytest.approx(2 / 3)
    assert describe_texts(sampled(("a",))).ended is None
