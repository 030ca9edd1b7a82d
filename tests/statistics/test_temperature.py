"""The temperature against an independent minimiser, known truths, and data that have no likeliest one."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit

from polypref.statistics.temperature import fit_temperature


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("scale", [0.01, 1.0, 30.0])
def test_it_is_the_minimum_that_another_minimiser_finds(seed, scale):
    rng = np.random.default_rng(seed)
    x = scale * rng.normal(size=200)
    p, w = rng.random(200), rng.integers(1, 9, 200)
    p = np.where(rng.random(200) < 0.5, p, x > 0)

    def loss(z):
        y = np.exp(z) * x
        return (w * (np.logaddexp(0, y) - p * y)).sum() + np.exp(z) - z

    found = minimize_scalar(loss, bounds=(-15, 15), method="bounded", options={"xatol": 1e-12})
    assert fit_temperature(x, p, w) == pytest.approx(np.exp(-found.x), rel=1e-5)


@pytest.mark.parametrize("temperature", [0.25, 1.0, 4.0])
def test_it_finds_the_temperature_of_the_votes(temperature):
    x = np.random.default_rng(0).normal(size=3000)
    assert fit_temperature(x, expit(x / temperature), np.full(3000, 10.0)) == pytest.approx(temperature, rel=0.01)


def test_it_stays_positive_and_finite_whatever_the_votes():
    assert fit_temperature([], [], []) == pytest.approx(1)
    assert 0 < fit_temperature([5.0] * 50, [1.0] * 50, [1.0] * 50) < 1
    assert 1 < fit_temperature([5.0] * 50, [0.0] * 50, [1.0] * 50) < np.inf
    assert 0 < fit_temperature([1e4, -1e4], [1.0, 0.0], [1e6, 1e6]) < np.inf
