"""What is told of a policy on held-out prompts."""

from __future__ import annotations

import pytest

from polypref import Group
from polypref.alignment.measuring import measure
from polypref.alignment.samples import Samples
from tests.evaluation.test_policies import Judge, sigma


def test_distances_are_means_over_the_policys_own_samples() -> None:
    samples = [
        Samples(Group("A?", ("a", "b")), ((1,), (2,)), ("end", "length"), {"1": (-1.0, -2.0), "before": (-2.0, -2.5)}),
        Samples(Group("B?", ("c", "c")), ((3,), (3,)), ("end", "end"), {"1": (-0.5, -0.5), "before": (-3.5, -3.5)}),
    ]
    found = measure(samples, samples, "1", "before", None)
    assert found.divergence.value == pytest.approx(((1.0 + 0.5) / 2 + 3.0) / 2)
    assert found.entropy.value == pytest.approx((1.5 + 0.5) / 2)
    assert found.texts.repeated == pytest.approx(0.25)
    assert found.texts.ended == pytest.approx(0.75)
    assert found.versus is None
    assert found.versus_last is None


def test_a_policy_is_judged_against_the_first_and_the_last() -> None:
    def said(text: str) -> list[Samples]:
        return [Samples(Group("A?", (text,)), ((1,),), ("end",), {"2": (-1.0,), "before": (-1.0,)})]

    found = measure(said("aa"), said("a"), "2", "before", Judge(), said("aaa"))
    assert found.versus.win_rate.value == pytest.approx(sigma(1))
    assert found.versus_last.win_rate.value == pytest.approx(sigma(-1))
    first = measure(said("aa"), said("a"), "2", "before", Judge())
    assert first.versus_last == first.versus
