"""A report on simulated crowds whose models are made up, so that no training is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from polypref import Comparison, Group, Rating, simulate
from polypref.evaluation.assessment import Assessor
from polypref.evaluation.prediction import Prediction
from polypref.reporting.building import chapter_of
from polypref.reporting.contents import Chapter, ReportData, Run
from polypref.statistics.comparing import compare_with_first

HOSTILE = (
    "</script><script>document.title='taken'</script><img src=x onerror=alert(1)> & \" ' \u202e\x00\ud800 </blockquote>"
)
CURVES = {
    "loss": tuple((10.0 * at, 0.7 - 0.03 * at) for at in range(1, 12)),
    "eval_loss": ((50.0, 0.6), (110.0, 0.5)),
    "eval_accuracy": ((50.0, 0.7), (110.0, 0.9)),
}


def knowing(group: Group) -> Prediction:
    """What a model that knows the population says."""
    truth = group.meta["truth"]
    distributions = np.array(truth["distributions"]) if "distributions" in truth else None
    labels = None if distributions is None else (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    return Prediction(np.array(truth["preferences"]), distributions=distributions, labels=labels)


def ordering(group: Group) -> Prediction:
    """What a model says that likes early responses."""
    return Prediction(utilities=-np.arange(len(group), dtype=float))


def make_chapter(groups: list[Group], models: Mapping[str, Callable[[Group], Prediction]], title: str) -> Chapter:
    predictions = {name: [model(group) for group in groups] for name, model in models.items()}
    assessors = {name: Assessor(resamples=20) for name in models}
    for name, said in predictions.items():
        for group, prediction in zip(groups, said):
            assessors[name].add(group, prediction)
    assessments = {name: one.assessment() for name, one in assessors.items()}
    found = compare_with_first({name: one.evidence() for name, one in assessors.items()}, resamples=20)
    runs = [Run(name, f"out/{name}", name, {"objective": "logistic", "epochs": "3"}, CURVES) for name in models]
    return chapter_of(title, ["held-out.jsonl"], groups, runs, predictions, assessments, found)


@pytest.fixture(scope="session")
def hostile() -> list[Group]:
    """Texts that would break out of a careless page; votes that cycle, and ratings."""
    votes = [Comparison(0, 1, weight=9), Comparison(1, 2, weight=9), Comparison(2, 0, weight=9, annotator=HOSTILE)]
    ratings = [Rating(i, label) for i in range(3) for label in (1, 6, 6)]
    group = Group(
        HOSTILE, tuple(f"{k} {HOSTILE}" for k in range(3)), votes, ratings, domain=HOSTILE, sources=(HOSTILE,) * 3
    )
    plain = Group("Which?", ("this", "that"), [Comparison(0, 1, p=0.5, weight=4)], domain="plain")
    return [group, plain]


@pytest.fixture(scope="session")
def report(hostile: list[Group]) -> ReportData:
    """A cycle, a divided crowd, and hostile texts."""
    models = {"knowing": knowing, "ordering": ordering}
    chapters = [
        make_chapter(simulate("cyclic", 20, seed=3), models, "Circles"),
        make_chapter(simulate("divided", 20, votes=20, seed=3), models, "Camps"),
        make_chapter(hostile, {HOSTILE: ordering}, HOSTILE),
    ]
    return ReportData("A report", "2026-01-31", "0.1", tuple(chapters))
