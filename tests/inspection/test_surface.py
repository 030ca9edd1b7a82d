"""Surface features and the tastes learned from them."""

from __future__ import annotations

import numpy as np
import pytest

from polypref import Group
from polypref.inspection.surface import (
    FEATURES,
    Pairs,
    feature_scale,
    learn_taste,
    surface_features,
    surface_shortcut,
    taste_conflict,
)


def votes(taste: np.ndarray, n: int, seed: int, noise: float = 0.5) -> Pairs:
    rng = np.random.default_rng(seed)
    difference = rng.normal(size=(n, len(FEATURES)))
    vote = np.sign(difference @ taste + noise * rng.normal(size=n))
    return Pairs(difference, vote, np.arange(n))


def unit(feature: str, sign: float = 1.0) -> np.ndarray:
    return sign * np.eye(len(FEATURES))[FEATURES.index(feature)]


def test_features_count_what_they_name() -> None:
    group = Group("How do I boil an egg?", ["Sorry, I can't. Perhaps ask:\n- a cook\n- 2 cooks!"])
    seen = dict(zip(FEATURES, surface_features(group, 0)))
    assert seen["length"] == pytest.approx(np.log1p(len(group.responses[0])))
    assert seen["list items"] == pytest.approx(np.log1p(2))
    assert seen["digits"] == pytest.approx(np.log1p(1))
    assert seen["exclamations"] == pytest.approx(np.log1p(1))
    assert seen["apology"] == pytest.approx(1 / np.sqrt(9))  # nine words, one of them sorry
    assert seen["words of the prompt"] == pytest.approx(1 / 9)  # i


def test_swapping_every_pair_swaps_nothing() -> None:
    pairs = votes(unit("length"), 300, seed=0)
    swapped = Pairs(-pairs.difference, -pairs.vote, pairs.group)
    scale = feature_scale(pairs)
    np.testing.assert_allclose(learn_taste(pairs, scale), learn_taste(swapped, scale))


def test_a_shortcut_is_found_and_named() -> None:
    found = surface_shortcut(votes(unit("length"), 1000, seed=1))
    assert next(iter(found.taste)) == "length"
    assert found.accuracy > 0.8


def test_votes_without_a_taste_show_none() -> None:
    rng = np.random.default_rng(2)
    pairs = Pairs(rng.normal(size=(2000, len(FEATURES))), rng.choice([-1.0, 1.0], 2000), np.arange(2000))
    assert surface_shortcut(pairs).accuracy == pytest.approx(0.5, abs=0.04)


def test_opposed_tastes_are_told_from_equal_ones() -> None:
    liked = votes(unit("length"), 600, seed=3)
    same = taste_conflict(liked, votes(unit("length"), 600, seed=4))
    opposed = taste_conflict(liked, votes(unit("length", -1.0), 600, seed=5))
    unrelated = taste_conflict(liked, votes(unit("digits"), 600, seed=6))
    assert same.across < 0.2
    assert opposed.across > 0.85
    assert opposed.excess_low > 0
    assert unrelated.across == pytest.approx(0.5, abs=0.08)
    assert unrelated.excess_low > 0


@pytest.mark.slow
def test_equal_tastes_are_seldom_called_a_conflict() -> None:
    alarms = 0
    for seed in range(60):
        a, b = (votes(unit("length"), 300, seed=2 * seed + side, noise=2.0) for side in (0, 1))
        alarms += taste_conflict(a, b, halvings=100).excess_low > 0
    assert alarms <= 6
