"""Accuracies are those of the evaluation; differences are paired."""

from __future__ import annotations

import numpy as np
import pytest

from polypref import PreferenceModel
from polypref.customization.measuring import GeneralAnswers, Yardstick
from polypref.evaluation.assessment import assess
from polypref.statistics.resampling import Estimate
from tests.customization.conftest import DOMAIN_TASTE, GENERAL_TASTE, tasteful
from tests.training.conftest import make_groups

SETS = {"helpful": make_groups(20, seed=1), "harmless": tasteful(12, GENERAL_TASTE)}
DOMAIN = [*make_groups(15, seed=2), *tasteful(10, DOMAIN_TASTE, "red")]


@pytest.fixture(scope="module")
def general(encoder):
    return PreferenceModel.from_backbone(encoder, seed=1)


@pytest.fixture(scope="module")
def customized(encoder):
    return PreferenceModel.from_backbone(encoder, "general", dim=4, seed=2)


@pytest.fixture(scope="module")
def scores(general, customized):
    yardstick = Yardstick(DOMAIN, SETS)
    return yardstick.scores(yardstick.answers(customized), yardstick.answers(general))


def accuracy(model, groups):
    return assess(model.encode(groups)).pairwise.accuracy


def test_accuracies_and_intervals_are_those_of_the_evaluation(customized, scores):
    assert scores.domain == accuracy(customized, DOMAIN)
    for name, groups in SETS.items():
        assert scores.general[name].value == accuracy(customized, groups).value
    assert scores.mean.value == np.mean([estimate.value for estimate in scores.general.values()])


def test_differences_are_to_the_general_model(general, customized, scores):
    assert scores.gained.value == pytest.approx(accuracy(customized, DOMAIN).value - accuracy(general, DOMAIN).value)
    before = np.mean([accuracy(general, groups).value for groups in SETS.values()])
    assert scores.lost.value == pytest.approx(before - scores.mean.value)
    for estimate in (scores.gained, scores.lost, scores.mean):
        assert estimate.low < estimate.value < estimate.high


def test_intervals_of_differences_are_paired(general, customized):
    """Against itself a model differs by nothing, whatever the sample; wider intervals would not know that."""
    yardstick = Yardstick(DOMAIN, SETS)
    answers = yardstick.answers(general)
    same = yardstick.scores(answers, answers)
    assert same.gained == same.lost == Estimate(0.0, 0.0, 0.0)


def test_the_general_model_reads_a_set_once(general, monkeypatch):
    """For whatever domain and setting; loaded otherwise, it is asked again."""
    read, real = [], general.encode
    monkeypatch.setattr(general, "encode", lambda groups: read.append(len(groups)) or real(groups))
    known = GeneralAnswers()
    first, second = Yardstick(DOMAIN, SETS), Yardstick(DOMAIN[:5], SETS)
    plain = second.scores(second.answers(general), second.answers(general))
    read.clear()
    first.answers(general, lambda groups: known.on(groups, general, 512))
    assert len(read) == 3
    answers = second.answers(general, lambda groups: known.on(groups, general, 512))
    assert len(read) == 3 + 1  # its domain
    assert second.scores(answers, answers) == plain
    second.answers(general, lambda groups: known.on(groups, general, 64))
    assert len(read) == 3 + 1 + 3


def test_the_interval_of_a_difference_by_brute_force(general, customized, scores):
    """Prompts resampled one by one, both models on the same ones."""
    rights = []
    for model in (general, customized):
        found = []
        for group, prediction in model.encode(DOMAIN):
            margins = prediction.margins(len(group))
            votes = np.zeros((len(group), len(group)))
            for c in group.comparisons:
                votes[c.i, c.j] += c.weight * (c.p - 0.5)
                votes[c.j, c.i] -= c.weight * (c.p - 0.5)
            i, j = np.nonzero(np.triu(np.abs(votes) > 1e-9))
            found.append(((margins[i, j] > 0) == (votes[i, j] > 0)).astype(float))
        rights.append(found)
    top = np.array([b.sum() - a.sum() for a, b in zip(*rights)])
    bottom = np.array([len(a) for a in rights[0]])
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(top), size=(20_000, len(top)))
    samples = top[drawn].sum(1) / bottom[drawn].sum(1)
    assert scores.gained.value == pytest.approx(top.sum() / bottom.sum())
    half = (scores.gained.high - scores.gained.low) / 2
    assert half == pytest.approx(np.diff(np.quantile(samples, [0.02, 0.98]))[0] / 2, rel=0.2)
