"""Doubted labels: flips are found, split votes are not noise, and where nothing was flipped little is doubted."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from polypref import Comparison, Group
from polypref.collection.suspects import flip_probability, noise_rate, suspect_labels
from polypref.errors import PolyprefError, Undefined
from tests.collection.simulated import area_under_curve, judged_pairs


@pytest.mark.parametrize("seed", range(3))
def test_a_fifth_of_the_labels_flipped_is_found(seed):
    groups, features, flipped = judged_pairs(500, 0.2, seed=seed)
    found = suspect_labels(groups, features)
    probability = np.array([doubt.flipped for doubt in found.pairs])
    assert area_under_curve(probability, flipped) >= 0.85
    assert 0.1 < found.noise < 0.25
    named = np.array([doubt.kind == "flip" for doubt in found.pairs])
    assert named.sum() > 30
    assert flipped[named].mean() > 0.8
    assert all(a.flipped >= b.flipped for a, b in zip(found.of("flip"), found.of("flip")[1:]))


def test_where_nothing_was_flipped_little_is_doubted():
    groups, features, _ = judged_pairs(500, 0.0)
    found = suspect_labels(groups, features)
    assert found.noise < 0.05
    assert len(found.of("flip")) <= 10


def test_people_who_split_are_not_noise():
    groups, features, _ = judged_pairs(200, 0.3, votes=3, seed=1)
    found = suspect_labels(groups, features)
    for doubt, group in zip(found.pairs, groups):
        if len({c.p for c in group.comparisons}) > 1:
            assert (doubt.kind, doubt.flipped) == ("split", 0)
    assert found.of("split")


def test_the_preferred_response_is_named():
    groups, features, _ = judged_pairs(60, 0.0)
    for doubt, group in zip(suspect_labels(groups, features).pairs, groups):
        assert (doubt.preferred, doubt.other) == ((0, 1) if group.comparisons[0].p == 1 else (1, 0))
        assert doubt.share == 1


def test_the_same_label_twice_is_less_probably_flipped():
    groups, features, _ = judged_pairs(300, 0.2)
    twice = [Group(g.prompt, g.responses, [g.comparisons[0]] * 2) for g in groups]
    one, two = suspect_labels(groups, features), suspect_labels(twice, features)
    assert sum(d.flipped for d in two.pairs) < sum(d.flipped for d in one.pairs)


def test_flip_probability_by_hand():
    assert flip_probability(np.array([0.2, 0.5]), 0.2) == pytest.approx([0.16 / 0.32, 0.2])


@pytest.mark.parametrize(("rate", "scale"), [(0.05, 1.0), (0.2, 2.0), (0.3, 1.0)])
def test_the_noise_rate_maximises_the_posterior(rate, scale):
    rng = np.random.default_rng(0)
    margins = rng.normal(size=2000) * 3
    agrees = rng.random(2000) < (1 - rate) * expit(scale * margins) + rate * expit(-scale * margins)
    margins = np.where(agrees, margins, -margins)

    def loss(at):
        flips, slope = expit(at[0]), np.exp(at[1])
        likelihood = np.log((1 - flips) * expit(slope * margins) + flips * expit(-slope * margins)).sum()
        return -(likelihood + np.log(flips) + 19 * np.log(1 - flips) - at[1] ** 2 / 2)

    best = minimize(loss, [-2.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9}).x
    assert noise_rate(margins) == pytest.approx((expit(best[0]), np.exp(best[1])), rel=1e-3)
    assert noise_rate(margins)[0] == pytest.approx(rate, abs=0.05)


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ([Group("q", ["a", "b"])], "no pair was compared"),
        ([Group("q", ["a", "b"], [Comparison(0, 1, 0.5)])], "all 1 judged pairs are ties"),
        ([Group("q", ["a", "b"], [Comparison(0, 1)])], "only one prompt has judged pairs"),
    ],
)
def test_what_cannot_be_doubted_is_a_sentence(groups, said):
    with pytest.raises(Undefined, match=said):
        suspect_labels(groups, [np.eye(2)] * len(groups))
    with pytest.raises(PolyprefError, match="1 members and 5 folds; expected 2 of each or more"):
        suspect_labels([Group("q", ["a", "b"], [Comparison(0, 1)])], [np.eye(2)], members=1)
