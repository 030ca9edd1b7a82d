"""The list of metrics: every number that is shown stands in it once, with its better side and its meaning."""

from __future__ import annotations

import numpy as np
import pytest

from polypref import Comparison, Group, Rating
from polypref.evaluation.assessment import Assessor, assess
from polypref.evaluation.catalogue import BY_NAME, METRICS, WATCHED, sentence_of
from polypref.evaluation.prediction import Prediction

SURE = np.array([[0.5, 0.9, 0.9], [0.1, 0.5, 0.7], [0.1, 0.3, 0.5]])
GROUPS = [
    Group(
        f"question {k}",
        ("good", "fair", "a poor one"),
        [Comparison(0, 1), Comparison(1, 2), Comparison(0, 2, p=0.75, weight=4)],
        [Rating(i, label, annotator=str(label)) for i in range(3) for label in (1, 2, 3 - i % 2)],
    )
    for k in range(4)
]


def said(right: bool) -> Prediction:
    opinions = np.array([[0.2, 0.2, 0.6], [0.3, 0.5, 0.2], [0.2, 0.2, 0.6]])
    return Prediction(
        SURE if right else SURE.T, distributions=opinions if right else opinions[:, ::-1], labels=(1, 2, 3)
    )


def test_names_are_used_once_and_every_metric_explains_itself() -> None:
    assert len(BY_NAME) == len(METRICS)
    for metric in METRICS:
        assert metric.sentence
        assert sentence_of(metric.heading, metric.table) == metric.sentence
    assert sentence_of("model", "preferences") is None
    assert sentence_of("accuracy [95 %]", "crowds") is None


def test_one_heading_in_two_tables_has_the_sentence_of_each() -> None:
    for name, true_name in (("accuracy", "true_accuracy"), ("wasserstein", "true_wasserstein")):
        seen, true = BY_NAME[name], BY_NAME[true_name]
        assert seen.heading == true.heading
        assert "whole population" in (sentence_of(true.heading, "truth") or "")
        assert sentence_of(true.heading, "truth") != sentence_of(seen.heading, seen.table)


def test_better_is_the_side_on_which_the_truth_lies() -> None:
    """Of every metric defined on these data that has a better side."""
    right, wrong = (assess([(group, said(good)) for group in GROUPS]) for good in (True, False))
    seen = 0
    for metric in METRICS:
        good, bad = metric.value(right), metric.value(wrong)
        if metric.better is None or good is None or bad is None or np.isnan([good, bad]).any():
            continue
        assert good >= bad if metric.better == "more" else good <= bad, metric.name
        seen += good != bad
    assert seen >= 8


@pytest.mark.parametrize("name", [metric.name for metric in METRICS if metric.terms])
def test_terms_of_pairs_add_up_to_the_number_that_is_shown(name: str) -> None:
    assessor = Assessor(resamples=5)
    for group in GROUPS:
        assessor.add(group, said(True))
    terms = assessor.evidence().terms[name]
    assert BY_NAME[name].value(assessor.assessment()) == pytest.approx(terms.top.sum() / terms.bottom.sum())


def test_what_can_be_compared_has_a_better_side() -> None:
    assessor = Assessor(resamples=5)
    assessor.add(GROUPS[0], said(True))
    assert {BY_NAME[name].better for name in assessor.evidence().terms} <= {"more", "less"}
    assert [metric.name for metric in WATCHED] == ["accuracy", "log_loss", "brier", "ece", "wasserstein"]
