"""Calibration: bins of equal mass, the error by hand, and intervals that hold the truth."""

from __future__ import annotations

import numpy as np
import pytest

from polypref.evaluation.calibration import bin_by_confidence, brier_split, calibration_bins, calibration_error
from polypref.evaluation.metrics import JudgedPairs, brier
from polypref.statistics.resampling import Bootstrap


def judged(p, share, votes=None) -> JudgedPairs:
    p = np.asarray(p, dtype=float)
    n = np.arange(len(p))
    return JudgedPairs.pooled(
        n, p - 0.5, np.asarray(share, dtype=float), np.ones(len(p)) if votes is None else votes, n
    )


def ece(pairs: JudgedPairs):
    return calibration_error(pairs, Bootstrap(pairs.prompt, seed=0)).ece


def test_one_bin_by_hand():
    pairs = judged([0.8, 0.3, 0.6], [1.0, 0.5, 0.0], np.array([1.0, 2.0, 1.0]))
    # confidence 0.8, 0.7, 0.6; share on the predicted side 1, 0.5, 0; votes 1, 2, 1
    (found,) = calibration_bins(pairs)
    assert (found.confidence, found.share, found.votes, found.pairs) == pytest.approx((0.7, 0.5, 4.0, 3))
    assert ece(pairs).value == pytest.approx(0.2)


def test_two_bins_by_hand():
    p = np.array([0.6] * 20 + [0.9] * 20)
    share = np.array([1.0] * 14 + [0.0] * 6 + [1.0] * 16 + [0.0] * 4)
    pairs = judged(p, share)
    assert [(b.confidence, b.share, b.pairs) for b in calibration_bins(pairs)] == [
        (pytest.approx(0.6), pytest.approx(0.7), 20),
        (pytest.approx(0.9), pytest.approx(0.8), 20),
    ]
    assert ece(pairs).value == pytest.approx(0.1)


def test_bins_have_equal_votes_and_enough_pairs():
    rng = np.random.default_rng(0)
    votes = rng.integers(1, 9, 5000).astype(float)
    pairs = judged(rng.random(5000), rng.integers(0, 2, 5000), votes)
    mass = np.bincount(bin_by_confidence(pairs), pairs.votes)
    assert len(mass) == 15
    assert mass == pytest.approx(np.full(15, votes.sum() / 15), abs=9)
    assert len(calibration_bins(judged(rng.random(100), np.ones(100)))) == 5
    assert len(calibration_bins(judged(rng.random(19), np.ones(19)))) == 1


def test_equal_confidences_share_a_bin_whatever_their_order():
    p = np.array([0.7, 0.3, 0.7, 0.6, 0.9] * 30)
    code = bin_by_confidence(judged(p, np.ones(len(p))))
    assert len(set(code[(p == 0.7) | (p == 0.3)])) == 1


def test_a_coin_is_calibrated():
    pairs = judged(np.full(50, 0.5), np.ones(50))
    assert ece(pairs).value == 0.0


def simulated(error: float, seed: int, n: int = 300) -> JudgedPairs:
    """Single votes on n pairs by a model that is too confident by `error` everywhere."""
    rng = np.random.default_rng(seed)
    p, flip = rng.uniform(0.5 + error, 1, n), rng.random(n) < 0.5
    right = rng.random(n) < p - error
    return judged(np.where(flip, 1 - p, p), right != flip)


@pytest.mark.parametrize("error", [0.0, 0.1, 0.2])
def test_the_interval_holds_the_true_error(error):
    held = 0
    for seed in range(100):
        pairs = simulated(error, seed)
        found = calibration_error(pairs, Bootstrap(pairs.prompt, resamples=300, seed=seed)).ece
        assert found.low <= found.value <= found.high
        held += found.low <= error <= found.high
    assert held >= 90


def test_noise_is_the_error_of_a_calibrated_model():
    errors = []
    for seed in range(100):
        pairs = simulated(0.0, seed)
        found = calibration_error(pairs, Bootstrap(pairs.prompt, resamples=100, seed=seed))
        errors.append((found.ece.value, found.noise))
    error, noise = np.mean(errors, axis=0)
    assert noise == pytest.approx(error, rel=0.1)


def test_one_prompt_has_neither_interval_nor_noise():
    found = calibration_error(judged([0.8], [1.0]), Bootstrap(np.zeros(1, np.int64)))
    assert (found.ece.low, found.noise) == (None, None)
    assert found.ece.value == pytest.approx(0.2)


def test_the_brier_score_is_the_sum_of_its_parts_by_hand():
    pairs = judged([0.6] * 20 + [0.9] * 20, [1.0] * 14 + [0.0] * 6 + [1.0] * 16 + [0.0] * 4)
    split = brier_split(pairs)
    assert split.calibration == pytest.approx((0.1**2 + 0.1**2) / 2)
    assert split.refinement == pytest.approx((0.7 * 0.3 + 0.8 * 0.2) / 2)
    assert split.within == pytest.approx(0, abs=1e-12)  # all predictions of a bin are equal
    assert split.calibration + split.refinement + split.within == pytest.approx(brier(pairs).ratio())


def test_within_bins_is_the_variance_less_twice_the_covariance():
    rng = np.random.default_rng(0)
    p = rng.uniform(0.5, 1, 15)  # one bin
    share = (rng.random(15) < p).astype(float)
    expected = p.var() - 2 * np.cov(p, share, ddof=0)[0, 1]
    assert brier_split(judged(p, share)).within == pytest.approx(expected)


def test_debiasing_takes_the_noise_away():
    """Means over simulated data: a calibrated model shows less error, and squares are right on average."""
    for error, within in ((0.0, 0.75), (0.15, 2.0)):  # of the plain bias; far from 0 there is little of it to take away
        found = []
        for seed in range(80):
            pairs = simulated(error, seed)
            one = calibration_error(pairs, Bootstrap(pairs.prompt, resamples=20, seed=seed))
            found.append((one.ece.value, one.debiased, one.rms**2))
        plain, debiased, square = np.mean(found, axis=0)
        assert abs(debiased - error) < within * abs(plain - error)
        assert square == pytest.approx(error**2, abs=0.003)


def test_the_mean_of_a_folded_normal_is_the_simulated_one():
    from polypref.evaluation.calibration import _mean_of_folded

    draws = np.random.default_rng(0).normal(size=400_000)
    for mean, deviation in ((0.0, 1.0), (0.5, 1.0), (-2.0, 0.7)):
        found = _mean_of_folded(np.array([mean]), np.array([deviation]))[0]
        assert found == pytest.approx(np.abs(mean + deviation * draws).mean(), abs=5e-3)
    assert _mean_of_folded(np.array([-0.3]), np.array([0.0])) == pytest.approx([0.3])
