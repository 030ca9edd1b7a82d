"""Bootstrap over prompts: intervals for ratios of sums, and multiplicities for statistics that are none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, stdtrit

from polypref.statistics.intervals import clustered_share

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MOST_UNITS = 10_000  # prompts resampled one by one; more are dealt into this many bundles first
_DRAWS = 2**20  # drawn at a time


class Terms(NamedTuple):
    """A metric as Σ top / Σ bottom over observations: what has to be added up, and re-added in every resample."""

    top: Floats  # [N]
    bottom: Floats  # [N]

    def ratio(self) -> float | None:
        """The metric, None where nothing was observed."""
        bottom = float(self.bottom.sum())
        return float(self.top.sum()) / bottom if bottom > 0 else None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its 95 % interval; no interval where there are not two prompts to resample."""

    value: float
    low: float | None = None
    high: float | None = None


class Bootstrap:
    """Resamples of prompts, drawn with replacement; whatever comes from one prompt stays together.

    `prompt` [N] names the prompt of each observation. The resamples depend on the number of prompts, their order and
    the seed alone, so two models measured on the same data are resampled alike. Beyond `MOST_UNITS` prompts, bundles of
    prompts, dealt at random, are resampled instead: sums over bundles are as independent as sums over prompts, and
    their variance is known to √(2/10,000) ≈ 1.4 % of itself, which no reader of an interval can see.
    Plain percentile intervals are short with few prompts (they cover the truth 91 times in 100 with 20 prompts), so
    their levels are expanded as `percentiles` says; benchmarks/interval_coverage.py measures what they then cover.
    """

    def __init__(self, prompt: Ints, *, resamples: int = 1000, seed: int = 0) -> None:
        distinct, code = np.unique(prompt, return_inverse=True)
        self.units = min(len(distinct), MOST_UNITS)
        self.resamples = resamples
        self._seed = seed
        dealt = np.arange(len(distinct))
        if len(distinct) > MOST_UNITS:
            dealt = np.random.default_rng([seed, 1]).permutation(len(distinct)) % self.units
        self._prompt = prompt
        self.unit: Ints = dealt[code].astype(np.int64)  # [N]

    def total(self, values: Floats) -> Floats:
        """Sums of [N] values by unit [U]."""
        return np.bincount(self.unit, values, self.units).astype(np.float64)

    def multiplicities(self, resamples: int | None = None) -> Iterator[Floats]:
        """How often each unit was drawn, some resamples at a time: blocks of [r, U] that add up to `resamples` rows."""
        left = self.resamples if resamples is None else min(resamples, self.resamples)
        rng = np.random.default_rng(self._seed)
        while left > 0:
            rows = min(left, max(1, _DRAWS // self.units))
            drawn = rng.integers(self.units, size=(rows, self.units)) + self.units * np.arange(rows)[:, None]
            yield np.bincount(drawn.ravel(), minlength=rows * self.units).reshape(rows, -1).astype(np.float64)
            left -= rows

    def sums(self, columns: Floats) -> Floats:
        """What [U, m] sums by unit add up to in each resample [R, m]."""
        return np.concatenate([times @ columns for times in self.multiplicities()])

    def estimates(self, terms: dict[str, Terms]) -> dict[str, Estimate | None]:
        """Each ratio with its percentile interval, formed anew in every resample; None where nothing was observed."""
        columns = [self.total(part) for pair in terms.values() for part in pair]
        if not columns or self.units < 2:
            return {name: _alone(pair.ratio()) for name, pair in terms.items()}
        sums = self.sums(np.stack(columns, axis=1))
        found: dict[str, Estimate | None] = {}
        for k, (name, pair) in enumerate(terms.items()):
            value = pair.ratio()
            top, bottom = sums[:, 2 * k], sums[:, 2 * k + 1]
            seen = bottom > 0
            found[name] = None if value is None else self.estimate(value, top[seen] / bottom[seen])
        return found

    def estimate(self, value: float, samples: Floats) -> Estimate:
        """A number with the interval of its resampled values; those that are not defined are left out."""
        return Estimate(value, *percentiles(samples[np.isfinite(samples)], self.units))

    def signs(self, flips: int) -> Iterator[Floats]:
        """Random signs of each unit, some rows at a time: blocks of [r, U] that add up to `flips` rows."""
        rng = np.random.default_rng([self._seed, 2])
        for left in range(flips, 0, -max(1, _DRAWS // self.units)):
            rows = min(left, max(1, _DRAWS // self.units))
            yield rng.integers(0, 2, (rows, self.units), dtype=np.int8).astype(np.float64) * 2 - 1

    def widened(self, share: Estimate | None, terms: Terms) -> Estimate | None:
        """A share of 0 or 1 with Wilson's interval: every resample of unanimity is unanimous, yet it is not certain."""
        if share is None or share.low is None or 0 < share.value < 1:
            return share
        seen = terms.bottom > 0
        _, low, high = clustered_share(terms.top[seen], terms.bottom[seen], self._prompt[seen])
        return Estimate(share.value, min(low, share.value), max(high, share.value))


def percentiles(samples: Floats, units: int | None = None) -> tuple[float | None, float | None]:
    """The middle 95 % of resampled values; (None, None) if there are none. Of `units` prompts, a little more than 95 %.

    A resample varies by (n − 1)/n of the variance that it estimates, and lacks the tails of Student's t. The levels are
    Φ(±√(n/(n − 1))·t), with t the 97.5 % quantile of n − 1 degrees of freedom, in the place of 2.5 and 97.5 %: 1.6 and
    98.4 % with 20 prompts. Reference: Hesterberg 2015, The American Statistician 69 (expanded percentile interval).
    """
    if not len(samples) or units == 1:
        return None, None
    level = 0.025 if units is None else float(ndtr(np.sqrt(units / (units - 1)) * stdtrit(units - 1, 0.025)))
    low, high = np.quantile(samples, [level, 1 - level])
    return float(low), float(high)


def _alone(value: float | None) -> Estimate | None:
    return None if value is None else Estimate(value)
