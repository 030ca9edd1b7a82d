"""Bootstrap intervals over prompts: what they add up, what they cover, and how fast."""

from __future__ import annotations

import time

import numpy as np
import pytest

from polypref.statistics.resampling import MOST_UNITS, Bootstrap, Estimate, Terms


def test_a_resample_draws_as_many_prompts_as_there_are():
    bootstrap = Bootstrap(np.array([7, 7, 3, 9]), resamples=50, seed=0)
    rows = np.concatenate(list(bootstrap.multiplicities()))
    assert rows.shape == (50, 3)
    assert (rows.sum(axis=1) == 3).all()
    assert bootstrap.unit.tolist() == [1, 1, 0, 2]


def test_sums_are_those_of_the_multiplicities():
    bootstrap = Bootstrap(np.arange(40) // 2, resamples=30, seed=1)
    columns = np.random.default_rng(0).random((20, 3))
    rows = np.concatenate(list(bootstrap.multiplicities()))
    assert bootstrap.sums(columns) == pytest.approx(rows @ columns)


def test_copies_within_a_prompt_add_nothing():
    top = np.random.default_rng(0).random(50)
    once = Bootstrap(np.arange(50), seed=3).estimates({"x": Terms(top, np.ones(50))})["x"]
    often = Bootstrap(np.repeat(np.arange(50), 4), seed=3).estimates({"x": Terms(np.repeat(top, 4), np.ones(200))})["x"]
    assert (often.value, often.low, often.high) == pytest.approx((once.value, once.low, once.high))


def test_one_prompt_gives_no_interval_and_nothing_observed_no_number():
    terms = {"seen": Terms(np.array([1.0, 2.0]), np.ones(2)), "unseen": Terms(np.zeros(2), np.zeros(2))}
    assert Bootstrap(np.zeros(2, np.int64)).estimates(terms) == {"seen": Estimate(1.5), "unseen": None}
    assert Bootstrap(np.arange(2)).estimates(terms)["unseen"] is None


def test_a_ratio_of_sums_has_the_interval_of_theory():
    rng = np.random.default_rng(5)
    top, bottom = rng.normal(3, 1, 4000), np.ones(4000)
    found = Bootstrap(np.arange(4000), seed=0).estimates({"mean": Terms(top, bottom)})["mean"]
    half = 1.96 * top.std() / np.sqrt(4000)
    assert (found.low, found.high) == pytest.approx((top.mean() - half, top.mean() + half), abs=0.1 * half)


def test_bundles_of_many_prompts_give_the_same_interval():
    n = 3 * MOST_UNITS
    top = np.random.default_rng(6).normal(0, 1, n)
    bootstrap = Bootstrap(np.arange(n), resamples=400, seed=0)
    assert bootstrap.units == MOST_UNITS
    assert np.bincount(bootstrap.unit).tolist() == [3] * MOST_UNITS
    found = bootstrap.estimates({"mean": Terms(top, np.ones(n))})["mean"]
    assert found.high - found.low == pytest.approx(2 * 1.96 / np.sqrt(n), rel=0.12)


def test_unanimity_is_widened_to_wilsons_interval():
    bootstrap = Bootstrap(np.arange(12))
    terms = Terms(np.ones(12), np.ones(12))
    found = bootstrap.widened(bootstrap.estimates({"x": terms})["x"], terms)
    assert found.high == 1.0
    assert found.low == pytest.approx(12 / (12 + 1.959964**2))


def test_the_interval_covers_the_truth_with_prompts_that_differ():
    rng = np.random.default_rng(1)
    covered, prompts = 0, np.repeat(np.arange(60), 8)
    for seed in range(300):
        chance = rng.beta(3, 2, 60)  # the mean is 0.6
        hits = (rng.random((60, 8)) < chance[:, None]).astype(float).ravel()
        found = Bootstrap(prompts, resamples=300, seed=seed).estimates({"x": Terms(hits, np.ones(480))})["x"]
        covered += found.low <= 0.6 <= found.high
    assert 272 <= covered <= 296  # 95 % of 300 is 285, with a standard error of 3.8


def test_a_thousand_resamples_of_ten_thousand_prompts_take_seconds():
    rng = np.random.default_rng(2)
    terms = {f"m{k}": Terms(rng.random(10_000), np.ones(10_000)) for k in range(8)}
    start = time.perf_counter()
    Bootstrap(np.arange(10_000)).estimates(terms)
    assert time.perf_counter() - start < 5  # under one on an idle core
