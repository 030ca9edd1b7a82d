"""Paired comparison: what cancels, what the p-value is, and how often it errs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from polypref import Comparison, DataError, Group
from polypref.evaluation.assessment import Assessor
from polypref.evaluation.prediction import Prediction
from polypref.statistics.comparing import Evidence, compare
from polypref.statistics.resampling import Terms


def evidence(top, bottom=None) -> Evidence:
    top = np.asarray(top, dtype=float)
    bottom = np.ones(len(top)) if bottom is None else np.asarray(bottom, dtype=float)
    return Evidence(tuple(range(len(top))), {"accuracy": Terms(top, bottom)})


def test_a_model_does_not_differ_from_itself():
    one = evidence([1, 0, 1, 1])
    found = compare(one, one)["accuracy"]
    assert (found.value, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)


def test_the_p_value_is_the_share_of_exchanges_that_differ_as_much():
    one, other = np.array([1.0, 1.0, 0.5, 1.0, 1.0]), np.array([0.0, 0.0, 1.0, 0.0, 0.5])
    gap = one - other
    exact = np.mean([abs(signs @ gap) >= abs(gap.sum()) - 1e-12 for signs in itertools.product((1, -1), repeat=5)])
    found = compare(evidence(one), evidence(other), flips=20_000)["accuracy"]
    assert found.value == pytest.approx(0.6)
    assert found.p == pytest.approx(exact, abs=0.015)


def test_what_makes_a_prompt_hard_for_both_cancels():
    rng = np.random.default_rng(0)
    hard = rng.random(300)
    one = evidence(hard + 0.02 + rng.normal(0, 0.01, 300))
    found = compare(one, evidence(hard))["accuracy"]
    assert 0.015 < found.low < found.value < found.high < 0.025
    assert found.p < 0.001


def test_prompts_count_by_what_they_hold():
    one, other = evidence([9, 0], [10, 1]), evidence([8, 1], [10, 1])
    assert compare(one, other)["accuracy"].value == pytest.approx(9 / 11 - 9 / 11)


def test_metrics_that_one_of_them_lacks_are_left_out():
    one = Evidence((0, 1), {"accuracy": Terms(np.ones(2), np.ones(2)), "wasserstein": Terms(np.ones(2), np.ones(2))})
    assert list(compare(one, evidence([1, 0]))) == ["accuracy"]


def test_other_prompts_are_refused_and_one_has_no_interval():
    with pytest.raises(DataError, match="different prompts"):
        compare(evidence([1, 0]), evidence([1]))
    found = compare(evidence([1]), evidence([0]))["accuracy"]
    assert (found.value, found.low, found.p) == (1.0, None, None)


@pytest.mark.slow
def test_the_p_value_errs_as_often_as_it_says_and_finds_what_is_there():
    """Two models that are level on average but not prompt by prompt, with prompts of different weight."""
    rng = np.random.default_rng(1)
    false, found = 0, 0
    for _ in range(300):
        sizes = rng.integers(1, 6, 80)
        one, other = (rng.binomial(sizes, rng.random(80)) for _ in range(2))
        better = np.minimum(other + rng.binomial(sizes, 0.35), sizes)
        false += compare(evidence(one, sizes), evidence(other, sizes), resamples=20, flips=199)["accuracy"].p <= 0.05
        found += compare(evidence(better, sizes), evidence(other, sizes), resamples=20, flips=199)["accuracy"].p <= 0.05
    assert 5 <= false <= 27  # 5 % of 300 is 15, with a standard error of 3.8
    assert found > 270


def test_evidence_holds_the_metrics_of_the_assessment():
    groups = [
        Group(
            f"q{k % 3}", ("good", "bad one", "x"), [Comparison(0, 1, p=0.8, weight=5), Comparison(2, 1)], domain=str(k)
        )
        for k in range(6)
    ]
    assessor = Assessor(resamples=20)
    for k, group in enumerate(groups):
        assessor.add(group, Prediction(utilities=np.array([0.1 * k, 0.2, 0.3])))
    found, scores = assessor.evidence(), assessor.assessment()
    assert len(found.prompts) == 3
    for name in ("accuracy", "vote_accuracy", "log_loss", "brier"):
        assert found.terms[name].ratio() == pytest.approx(getattr(scores.pairwise, name).value)
    assert found.terms["kendall"].ratio() == pytest.approx(scores.ranking.kendall.value)
    assert set(found.terms) == {"accuracy", "vote_accuracy", "log_loss", "brier", "kendall"}  # no lengths alike
