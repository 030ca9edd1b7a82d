"""Two models on the same data: differences of their metrics with intervals and p-values, prompt by prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polypref.errors import DataError
from polypref.statistics.resampling import Bootstrap, Terms

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_FLIPS = 9_999  # exchanges of the two models tried for a p-value


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a model's metrics are made of, added up by prompt: enough to compare it with another on the same data."""

    prompts: tuple[int, ...]  # [U] hashes, in the order in which they came
    terms: Mapping[str, Terms]  # each metric as Σ top / Σ bottom over prompts [U]


@dataclass(frozen=True, slots=True)
class Difference:
    """A metric of one model less that of another."""

    value: float
    low: float | None  # 95 % interval, by resampling prompts; None without two prompts
    high: float | None
    p: float | None  # two-sided, of no difference


def compare(
    one: Evidence, other: Evidence, *, resamples: int = 1000, seed: int = 0, flips: int = _FLIPS
) -> dict[str, Difference]:
    """`one` less `other` in every metric that both have.

    The interval resamples prompts and takes the difference anew in each resample, so that what makes a prompt hard for
    both cancels. The p-value exchanges the two models in each prompt with chance ½ and counts how often the difference
    is then at least as large as it is, (1 + count)/(1 + flips): exact if neither model is better on any prompt, and of
    the right level with many prompts if they are level on average.
    References: Koehn 2004, EMNLP (paired bootstrap); Noreen 1989; Yeh 2000, COLING (randomisation); Phipson and Smyth
    2010 (the 1 that is added). With several pairs of models, or several metrics, expect one p-value in twenty below
    0.05 by chance alone.
    """
    if one.prompts != other.prompts:
        raise DataError("the two models were measured on different prompts: measure both on the same data")
    names = [name for name in one.terms if name in other.terms]
    bootstrap = Bootstrap(np.arange(len(one.prompts)), resamples=resamples, seed=seed)
    found: dict[str, Difference] = {}
    for name in names:
        columns = np.stack([bootstrap.total(part) for part in (*one.terms[name], *other.terms[name])], axis=1)  # [U, 4]
        value = float(_differences(columns.sum(axis=0)[None])[0])
        if not np.isfinite(value):
            continue  # one of them has nothing to go by
        if bootstrap.units < 2:
            found[name] = Difference(value, None, None, None)
            continue
        interval = bootstrap.estimate(value, _differences(bootstrap.sums(columns)))
        found[name] = Difference(value, interval.low, interval.high, _p_value(value, columns, bootstrap, flips))
    return found


def compare_with_first(
    evidence: Mapping[str, Evidence], *, resamples: int = 1000, seed: int = 0
) -> dict[str, dict[str, Difference]]:
    """Each later model less the first one, by metric."""
    first, *others = evidence
    return {name: compare(evidence[name], evidence[first], resamples=resamples, seed=seed) for name in others}


def _differences(sums: Floats) -> Floats:
    """top/bottom − top/bottom of each row [R, 4]; NaN where nothing was observed."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums[:, 0] / sums[:, 1] - sums[:, 2] / sums[:, 3]


def _p_value(value: float, columns: Floats, bootstrap: Bootstrap, flips: int) -> float:
    mean, half = (columns[:, :2] + columns[:, 2:]) / 2, (columns[:, :2] - columns[:, 2:]) / 2  # [U, 2]
    both, count = mean.sum(axis=0), 0
    for signs in bootstrap.signs(flips):
        moved = signs @ half  # [r, 2]
        drawn = np.abs(_differences(np.hstack([both + moved, both - moved])))
        count += int((drawn >= abs(value) - 1e-12).sum())  # equal but for rounding counts
    return (1 + count) / (1 + flips)
