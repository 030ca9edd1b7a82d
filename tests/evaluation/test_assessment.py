"""Assessments: small groups by hand, simulated populations whose truth is known, and empty cases."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance

from polypref import Comparison, DataError, Group, Rating, Undefined, simulate
from polypref.evaluation.assessment import Assessment, Assessor, assess
from polypref.evaluation.prediction import Prediction
from polypref.models.answer import StateAnswer
from polypref.models.heads import make_head


def certain(p: float) -> Prediction:
    """P(0 ≻ 1) = p."""
    return Prediction(np.array([[0.5, p], [1 - p, 0.5]]))


def truth(group: Group) -> Prediction:
    """What a model that knows the population says."""
    known = group.meta["truth"]
    distributions = np.array(known["distributions"]) if "distributions" in known else None
    return Prediction(np.array(known["preferences"]), distributions=distributions)


@cache
def simulated(scenario: str, groups: int = 150) -> list[Group]:
    return simulate(scenario, groups, seed=4)


def test_votes_on_a_pair_are_added_up_whoever_gave_them_and_in_either_order():
    group = Group(
        "q",
        ("a", "b"),
        [
            Comparison(0, 1, annotator="x"),
            Comparison(1, 0, annotator="y"),
            Comparison(1, 0, p=0.0, criterion="style", weight=2),
        ],
    )
    found = assess([(group, certain(0.9))]).pairwise
    assert (found.pairs, found.votes, found.ties) == (1, 4.0, 0)  # three of four for response 0
    assert found.accuracy.value == 1.0
    assert found.vote_accuracy.value == found.ceiling == 0.75
    assert found.log_loss.value == pytest.approx(-0.75 * math.log(0.9) - 0.25 * math.log(0.1))
    assert found.brier.value == pytest.approx(0.75 * 0.01 + 0.25 * 0.81)
    assert found.ece.value == pytest.approx(0.15)
    assert found.auc.value == 1.0


def test_parts_are_scored_on_their_own_votes():
    groups = [
        Group(
            "q", ("a", "b"), [Comparison(0, 1, criterion="depth"), Comparison(1, 0, criterion="brevity")], domain="d"
        ),
        Group("r", ("a", "b"), [Comparison(0, 1, criterion="depth")], domain="e"),
        Group("s", ("a", "b"), [Comparison(1, 0)]),
    ]
    found = assess([(group, certain(0.8)) for group in groups])
    assert found.pairwise.ties == 1
    assert found.pairwise.accuracy.value == 0.5
    assert {name: scores.accuracy and scores.accuracy.value for name, scores in found.domains.items()} == {
        "d": None,  # its one pair is split
        "e": 1.0,
    }
    assert {name: scores.accuracy.value for name, scores in found.criteria.items()} == {"depth": 1.0, "brevity": 0.0}


def test_annotators_are_scored_on_their_own_votes_the_best_first():
    said = [Comparison(0, 1, annotator="like"), Comparison(1, 0, annotator="unlike"), Comparison(1, 0)]
    groups = [Group(f"q{k}", ("a", "b"), said[: 3 if k else 1]) for k in range(4)]
    found = assess([(group, certain(0.75)) for group in groups], minimum_votes=4)
    (one,) = found.annotators
    assert (one.annotator, one.votes, one.pairs, one.accuracy.value) == ("like", 4.0, 4, 1.0)
    assert one.log_loss == pytest.approx(-math.log(0.75))
    ranked = assess([(group, certain(0.75)) for group in groups], minimum_votes=1).annotators
    assert [(a.annotator, a.accuracy.value) for a in ranked] == [("like", 1.0), ("unlike", 0.0)]


def test_crowds_by_hand():
    group = Group("q", ("a", "b", "c"), ratings=[Rating(0, 1), Rating(0, 3, weight=3), Rating(2, 2)], scale=(1, 2, 3))
    p = np.array([[0.5, 0.0, 0.5], [1.0, 0, 0], [0.0, 0.5, 0.5]])
    found = assess([(group, Prediction(distributions=p))], constant=[0.2, 0.3, 0.5]).crowd
    observed = {0: [0.25, 0, 0.75], 2: [0, 1.0, 0]}  # nobody rated response 1

    def distance(of) -> float:
        return np.mean([wasserstein_distance([1, 2, 3], [1, 2, 3], of(k), q) for k, q in observed.items()])

    assert found.responses == 2
    assert found.wasserstein.value == pytest.approx(distance(lambda k: p[k]))
    assert found.uniform.value == pytest.approx(distance(lambda k: [1 / 3] * 3))
    assert found.constant.value == pytest.approx(distance(lambda k: [0.2, 0.3, 0.5]))
    assert found.mean_error.value == pytest.approx((abs(2 - 2.5) + abs(2.5 - 2)) / 2)


def test_names_without_order_are_no_crowd_to_measure_a_distance_to():
    group = Group("q", ("a",), ratings=[Rating(0, "fine")])
    assert assess([(group, Prediction(distributions=np.array([[1.0]]), labels=(1.0,)))]).crowd is None


@pytest.mark.parametrize("scenario", ["divided", "cyclic", "domains"])
def test_the_truth_is_at_no_distance_from_itself(scenario):
    found = assess((group, truth(group)) for group in simulated(scenario)).truth
    assert found.preference_error.value == pytest.approx(0, abs=1e-12)
    assert found.accuracy.value == found.accuracy.high == 1.0
    assert found.accuracy.low < 1
    assert (found.wasserstein is None) == (scenario == "cyclic")
    if found.wasserstein:
        assert found.wasserstein.value == pytest.approx(0, abs=1e-4)  # the truth has six digits


def test_errors_against_the_truth_by_hand():
    group = Group(
        "q",
        ("a", "b", "c"),
        scale=(1, 2),
        meta={
            "truth": {
                "preferences": [[0.5, 0.7, 0.5], [0.3, 0.5, 0.2], [0.5, 0.8, 0.5]],
                "distributions": [[1, 0], [0, 1], [0.5, 0.5]],
            }
        },
    )
    p = np.array([[0.5, 0.4, 0.6], [0.6, 0.5, 0.5], [0.4, 0.5, 0.5]])
    found = assess([(group, Prediction(p, distributions=np.full((3, 2), 0.5)))]).truth
    assert (found.pairs, found.responses) == (3, 3)
    assert found.preference_error.value == pytest.approx((0.3 + 0.1 + 0.3) / 3)
    assert found.accuracy.value == pytest.approx((0 + 0.5) / 2)  # 0 and 2 are level in truth, 1 and 2 predicted level
    assert found.wasserstein.value == pytest.approx((0.5 + 0.5 + 0) / 3)


def test_a_truth_of_another_kind_is_left_alone():
    group = Group("q", ("a", "b"), [Comparison(0, 1)], meta={"truth": "a wins"})
    other = Group("q", ("a", "b"), [Comparison(0, 1)], meta={"truth": {"preferences": [["?"]]}})
    assert assess([(group, certain(0.6)), (other, certain(0.6))]).truth is None


def test_who_knows_the_population_beats_who_exaggerates_it_and_who_knows_nothing():
    def exaggerated(group: Group) -> Prediction:
        p = truth(group).preferences
        return Prediction(p**4 / (p**4 + (1 - p) ** 4))

    groups = simulated("consensus")
    right, loud = (assess((group, model(group)) for group in groups).pairwise for model in (truth, exaggerated))
    coin = assess((group, Prediction(utilities=np.zeros(len(group)))) for group in groups).pairwise
    assert right.accuracy == loud.accuracy  # the same resamples of the same order
    assert right.log_loss.high < min(loud.log_loss.value, coin.log_loss.low)
    assert right.ece.low == 0.0
    assert loud.ece.low > right.ece.high > right.ece_noise
    assert (coin.accuracy.value, coin.auc.value, coin.ece.value) == (0.5, 0.5, 0.0)
    assert coin.log_loss.value == pytest.approx(math.log(2))
    assert right.vote_accuracy.value <= right.ceiling


def shuffled(group: Group, prediction: Prediction, rng: np.random.Generator) -> tuple[Group, Prediction]:
    order = rng.permutation(len(group))
    at = np.argsort(order)  # where each response went
    turned = [
        replace(c, i=int(at[c.i]), j=int(at[c.j]))
        if rng.random() < 0.5
        else replace(c, i=int(at[c.j]), j=int(at[c.i]), p=1 - c.p)
        for c in group.comparisons
    ]
    known = group.meta["truth"]
    moved = {
        "preferences": np.array(known["preferences"])[np.ix_(order, order)],
        "distributions": np.array(known["distributions"])[order],
        "utilities": np.array(known["utilities"])[order],
    }
    return (
        replace(
            group,
            responses=tuple(group.responses[k] for k in order),
            comparisons=tuple(turned),
            ratings=tuple(replace(r, i=int(at[r.i])) for r in group.ratings),
            meta={"truth": moved},
        ),
        Prediction(prediction.preferences[np.ix_(order, order)], distributions=prediction.distributions[order]),
    )


def numbers(value) -> list[float]:
    if isinstance(value, dict):
        return [number for part in value.values() for number in numbers(part)]
    if isinstance(value, (list, tuple)):
        return [number for part in value for number in numbers(part)]
    return [value] if isinstance(value, (int, float)) else []


def test_the_order_of_responses_changes_nothing():
    rng = np.random.default_rng(0)
    noise = [rng.normal(0, 0.5, (4, 4)) for _ in simulated("divided")]

    def noisy(group: Group, e: np.ndarray) -> Prediction:
        known = truth(group)
        odds = np.log(known.preferences / (1 - known.preferences)) + e - e.T
        return Prediction(1 / (1 + np.exp(-odds)), distributions=known.distributions)

    plain = [(group, noisy(group, e)) for group, e in zip(simulated("divided"), noise)]
    one = assess(plain, resamples=100)
    other = assess([shuffled(group, prediction, rng) for group, prediction in plain], resamples=100)
    assert numbers(other.to_dict()) == pytest.approx(numbers(one.to_dict()))


def test_groups_that_share_a_prompt_are_resampled_together():
    groups = [Group(f"q{k}", ("a", "b"), [Comparison(0, 1) if k % 3 else Comparison(1, 0)]) for k in range(60)]
    once = assess([(group, certain(0.7)) for group in groups])
    often = assess([(group, certain(0.7)) for group in groups for _ in range(4)])
    assert (often.groups, often.prompts) == (240, 60)
    assert often.pairwise.accuracy == once.pairwise.accuracy


def test_the_same_seed_gives_the_same_intervals():
    def measured(seed: int) -> Assessment:
        return assess(((group, truth(group)) for group in simulated("cyclic")), seed=seed)

    assert measured(1) == measured(1)
    assert measured(1).pairwise.accuracy.value == measured(2).pairwise.accuracy.value
    assert measured(1).pairwise.log_loss != measured(2).pairwise.log_loss


def test_groups_without_judgments_or_with_one_response_measure_nothing():
    alone = Group("q", ("a",))
    found = assess([(alone, Prediction(np.array([[0.5]]), np.zeros(1), np.array([[1.0]]), (1.0,)))])
    assert (found.groups, found.responses, found.comparisons) == (1, 1, 0)
    assert found.pairwise is None
    assert found.crowd is None
    assert found.truth is None


def test_even_splits_alone_are_no_evidence():
    found = assess([(Group(f"q{k}", ("a", "b"), [Comparison(0, 1, p=0.5)]), certain(0.7)) for k in range(3)]).pairwise
    assert (found.pairs, found.ties) == (3, 3)
    assert found.accuracy is None
    assert found.auc is None
    assert found.vote_accuracy.value == found.ceiling == 0.5


def test_comparisons_without_a_prediction_are_counted():
    group = Group("q", ("a", "b"), [Comparison(0, 1)])
    found = assess([(group, certain(0.7)), (group, Prediction())])
    assert (found.comparisons, found.unpredicted, found.pairwise.pairs) == (2, 1, 1)
    assert assess([(group, Prediction())]).pairwise is None


def test_a_single_prompt_has_no_interval():
    found = assess([(Group("q", ("a", "b"), [Comparison(0, 1)]), certain(0.7))]).pairwise
    assert found.accuracy.low is None
    assert found.ece.low is None
    assert found.auc.low is None


def test_everything_is_json():
    found = assess(((group, truth(group)) for group in simulated("domains", 40)), constant=[1 / 6] * 6)
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert set(told["domains"]) == {"helpdesk", "forum", "classroom", "clinic"}
    assert set(told["pairwise"]["accuracy"]) == {"value", "low", "high"}


def test_a_prediction_that_is_none_is_refused_by_the_name_of_its_group():
    assessor = Assessor()
    assessor.add(Group("q", ("a", "b")), certain(0.5))
    with pytest.raises(DataError, match="the model gave group q7 preferences with NaN or infinity"):
        assessor.add(Group("q", ("a", "b"), id="q7"), certain(float("nan")))
    with pytest.raises(DataError, match="the model gave group number 2 preferences of shape"):
        assessor.add(Group("q", ("a", "b", "c")), certain(0.5))
    assert assessor.assessment().groups == 1  # what was refused left no trace


def test_a_constant_that_does_not_fit_is_refused():
    with pytest.raises(DataError, match="constant"):
        Assessor(constant=[0.5, 0.6])
    group = Group("q", ("a",), ratings=[Rating(0, 1)])
    with pytest.raises(DataError, match="distributions over 2 labels, expected 3"):
        assess([(group, Prediction(distributions=np.array([[0.5, 0.5]]), labels=(1, 2)))], constant=[0.2, 0.3, 0.5])


def test_nothing_to_assess_is_undefined():
    with pytest.raises(Undefined, match="no groups"):
        assess([])


@pytest.mark.parametrize("logit", [20.0, 40.0])
def test_who_is_surely_wrong_pays_its_log_odds(logit):
    """Read off a model in single precision, whose probabilities are 1 from log-odds of 17 on."""
    states = torch.tensor([[logit], [0.0]])
    found = assess([(Group("q", ("a", "b"), [Comparison(1, 0)]), StateAnswer(make_head("scalar"), states, 2))])
    assert found.pairwise.log_loss.value == pytest.approx(logit, abs=1e-6)
    assert found.pairwise.accuracy.value == 0.0


def test_each_group_is_measured_by_its_own_truth_or_else_by_its_ratings():
    known = Group("q", ("a", "b"), meta={"truth": {"utilities": [1.0, 3.0]}})
    rated = Group("r", ("a", "b"), ratings=[Rating(0, 5), Rating(1, 7)])
    both = Group("s", ("a", "b"), ratings=[Rating(0, 9), Rating(1, 9)], meta={"truth": {"utilities": [0.0, 2.0]}})
    first_best = Prediction(utilities=np.array([1.0, 0.0]))
    curve = assess([(group, first_best) for group in (known, rated, both)]).best_of
    assert [(point.n, point.groups) for point in curve] == [(1, 3), (2, 3)]
    assert curve[1].chosen.value == pytest.approx((1 + 5 + 0) / 3)
    assert curve[1].oracle == pytest.approx((3 + 7 + 2) / 3)
