"""What a benchmark is: how its rows become groups, what a prediction is worth on each, how that adds up to scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from polypref.errors import DataError
from polypref.groups.formats import Format, Options
from polypref.groups.model import Group
from polypref.groups.reading import check_pointer, hub_rows
from polypref.groups.rows import RawRow, read_rows
from polypref.groups.splitting import prompt_key
from polypref.models.answer import Answer
from polypref.statistics.comparing import Difference
from polypref.statistics.intervals import wilson
from polypref.statistics.resampling import Bootstrap, Estimate, percentiles

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

Scores = dict[str, dict[str, float]]  # level ("overall", "sections", "subsets") → name → value, NaN where there is none
Scorer = Callable[[Floats, Floats], Scores]  # results [I, r] and how often each item counts [I]

PLACE = "place"  # the key under which a row is told the file or split that it comes from
_FLIPS = 999  # exchanges of two models tried for a p-value
_FILES = (".json", ".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet", ".csv")


@dataclass(frozen=True)
class Benchmark:
    """One benchmark. Each row is an item: items are never merged, for published rules count rows."""

    name: str  # what a user types after --benchmark
    title: str
    hub: tuple[str, ...]  # data sets on the hub, read if no file is given
    format: Format  # of its rows
    results: Callable[[Group, Answer], Sequence[float]]  # what a prediction of one item is worth
    scorer: Callable[[Sequence[Group]], Scorer]
    unit: Callable[[Group], str] = prompt_key  # what is resampled together
    files: str = "*"  # which files of a folder hold items
    left_out: frozenset[str] = frozenset()  # subsets of its data that enter no score
    shares: bool = True  # whether scores are shares, and a result is 1 for won and 0 for lost
    lower_is_better: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The scores of one model on a benchmark, with 95 % intervals by resampling prompts."""

    benchmark: str
    items: int
    scores: dict[str, dict[str, Estimate]]  # by level and name
    results: Floats = field(repr=False)  # [I, r]
    rewards: Sequence[Floats | None] = field(repr=False)  # [K] of each item, as far as the model has them
    groups: Sequence[Group] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """A JSON object."""
        named = {
            level: {name: {"value": one.value, "low": one.low, "high": one.high} for name, one in part.items()}
            for level, part in self.scores.items()
        }
        return {"items": self.items, **named}


def read_items(
    benchmark: Benchmark, source: str | Path | None = None, note: Callable[[str], None] = lambda text: None
) -> list[Group]:
    """The items of a benchmark: from a file, from its files in a folder, or from the hub if no source is given.

    `note` is told what was left out.
    """
    if source is None and not benchmark.hub:
        raise DataError(f"{benchmark.title} is read from files: give --benchmark {benchmark.name}=PATH")
    items: list[Group] = []
    skipped: Counter[str] = Counter()
    for place, rows in _places(benchmark, source):
        for number, value in rows:
            if isinstance(value, DataError):
                raise value.at(file=place, row=number)
            if (subset := str(value.get("subset"))) in benchmark.left_out:
                skipped[subset] += 1
                continue
            try:
                items += benchmark.format.parse({**value, PLACE: place}, Options())
            except DataError as error:
                raise error.at(file=place, row=number) from None
    for subset, rows_of_it in skipped.items():
        note(f"left out {rows_of_it:,} rows of {subset}, which enters no score of {benchmark.title}")
    if not items:
        raise DataError(f"holds no items of {benchmark.title}", file=source)
    return items


def judge(
    benchmark: Benchmark, predicted: Iterable[tuple[Group, Answer]], *, resamples: int = 1000, seed: int = 0
) -> Judged:
    """The scores of a model by the benchmark's own rule."""
    groups: list[Group] = []
    rows: list[Sequence[float]] = []
    rewarded: list[Floats | None] = []
    for group, prediction in predicted:
        try:
            rows.append(benchmark.results(group, prediction))
            rewarded.append(prediction.scores(len(group)))
        except DataError as error:
            raise DataError(f"{benchmark.title}, item {group.id or len(groups) + 1}: {error.reason}") from None
        groups.append(group)
    results = np.array(rows, dtype=np.float64)
    scorer, bootstrap = benchmark.scorer(groups), _bootstrap(benchmark, groups, resamples, seed)
    values = _flat(scorer(results, np.ones(len(groups))))
    samples = np.array([_values(scorer(results, weight)) for weight in _weights(bootstrap)])
    parts = _Parts(groups, scorer, results, bootstrap.unit)
    scores: dict[str, dict[str, Estimate]] = {}
    for at, ((level, name), value) in enumerate(values.items()):
        if np.isnan(value):
            continue
        low, high = _interval(samples[:, at], parts.units(at))
        if benchmark.shares and low is not None and high is not None and low == value == high and value in (0, 1):
            low, high = wilson(value, parts.effective(at))  # every resample of unanimity is unanimous
        scores.setdefault(level, {})[name] = Estimate(value, low, high)
    return Judged(benchmark.name, len(groups), scores, results, rewarded, groups)


def compare_judged(
    benchmark: Benchmark, one: Judged, other: Judged, *, resamples: int = 1000, seed: int = 0
) -> dict[str, dict[str, Difference]]:
    """`one` less `other` in every score, as `comparing.compare` does: paired by prompt, p-values by exchange."""
    scorer, bootstrap = benchmark.scorer(one.groups), _bootstrap(benchmark, one.groups, resamples, seed)
    if one.results.shape != other.results.shape:
        raise DataError("the two models were judged on different items: judge both on the same data")

    def differences(first: Floats, second: Floats, weight: Floats) -> Floats:
        return _values(scorer(first, weight)) - _values(scorer(second, weight))

    ones = np.ones(len(one.groups))
    value = differences(one.results, other.results, ones)
    samples = np.array([differences(one.results, other.results, weight) for weight in _weights(bootstrap)])
    extreme = np.ones(len(value))
    for block in bootstrap.signs(_FLIPS if bootstrap.units > 1 else 0):
        for signs in block:
            kept = (signs[bootstrap.unit] > 0)[:, None]
            drawn = differences(
                np.where(kept, one.results, other.results), np.where(kept, other.results, one.results), ones
            )
            extreme += np.abs(drawn) >= np.abs(value) - 1e-12
    parts = _Parts(one.groups, scorer, one.results, bootstrap.unit)
    found: dict[str, dict[str, Difference]] = {}
    for at, (level, name) in enumerate(_flat(scorer(one.results, ones))):
        if np.isnan(value[at]):
            continue
        low, high = _interval(samples[:, at], parts.units(at))
        p = None if low is None else float(extreme[at] / (1 + _FLIPS))
        found.setdefault(level, {})[name] = Difference(float(value[at]), low, high, p)
    return found


def prefers(group: Group, prediction: Answer, i: int, j: int) -> float:
    """1 if response i is predicted to be preferred to j, ½ for a predicted tie, else 0."""
    margins = prediction.margins(len(group))
    if margins is None:
        raise DataError("the model predicts no preferences, which this benchmark asks for")
    return float(0.5 + 0.5 * np.sign(margins[i, j]))


def rewards(group: Group, prediction: Answer) -> Floats:
    """The scores [K] of the responses of a group."""
    found = prediction.scores(len(group))
    if found is None:
        raise DataError("the model predicts neither utilities nor preferences, which this benchmark asks for")
    return found


def codes(names: Iterable[str | None]) -> tuple[list[str], Ints]:
    """The distinct names, in the order in which they first come, and which of them each one is."""
    index: dict[str, int] = {}
    code = [index.setdefault(name or "", len(index)) for name in names]
    return list(index), np.array(code, dtype=np.int64)


def means(code: Ints, n: int, values: Floats, weight: Floats) -> Floats:
    """The weighted mean of the values of each code [n]; NaN where nothing counts."""
    total = np.bincount(code, weight, n)
    return np.divide(np.bincount(code, weight * values, n), total, out=np.full(n, np.nan), where=total > 0)


def mean_of(values: Iterable[float], weights: Iterable[float] | None = None) -> float:
    """The weighted mean of what is there: NaN is left out, and so is its weight."""
    found = np.array(list(values), dtype=np.float64)
    share = np.ones(len(found)) if weights is None else np.array(list(weights), dtype=np.float64)
    there = np.isfinite(found)
    return float(found[there] @ share[there] / share[there].sum()) if share[there].sum() > 0 else float("nan")


class _Parts:
    """What each score is made of. Scores are means over domains, and a domain's items belong to those scores that are
    defined where only these items count."""

    def __init__(self, groups: Sequence[Group], scorer: Scorer, results: Floats, unit: Ints) -> None:
        names, self._domain = codes(group.domain for group in groups)
        self._unit = unit
        among = [self._domain == code for code in range(len(names))]
        self._defined = np.isfinite([_values(scorer(results, one.astype(np.float64))) for one in among])  # [D, S]
        ones, whole = np.ones(len(groups)), _values(scorer(results, np.ones(len(groups))))
        turned = (_values(scorer(np.where(one[:, None], 1 - results, results), ones)) for one in among)
        self._weight = np.abs([values - whole for values in turned])  # [D, S] what turning all its results would change

    def units(self, score: int) -> int:
        """How many units there are to resample in a score."""
        return len(np.unique(self._unit[self._defined[self._domain, score]]))

    def effective(self, score: int) -> float:
        """The number of equal votes that would vary as much as the units of a unanimous score do: (Σw)²/Σw²."""
        weight = (self._weight[:, score] / np.bincount(self._domain))[self._domain]
        by_unit = np.bincount(self._unit, weight)
        return float(by_unit.sum() ** 2 / (by_unit**2).sum()) if by_unit.any() else 1.0


def _interval(samples: Floats, units: int) -> tuple[float | None, float | None]:
    """The percentile interval of a score's resampled values, those that are defined."""
    return percentiles(samples[np.isfinite(samples)], units) if units > 1 else (None, None)


def _values(scores: Scores) -> Floats:
    return np.array(list(_flat(scores).values()))


def _places(benchmark: Benchmark, source: str | Path | None) -> Iterator[tuple[str, Iterable[RawRow]]]:
    if source is None:
        for name in benchmark.hub:
            yield name, (RawRow(number, dict(row)) for number, row in enumerate(hub_rows(name), 1))
        return
    path = Path(source)
    if not path.is_dir():
        check_pointer(path)
        yield str(path), read_rows(path)
        return
    files = sorted(file for file in path.rglob(benchmark.files) if file.name.endswith(_FILES) and file.is_file())
    if not files:
        sought = f"that end in {', '.join(_FILES)}" if benchmark.files == "*" else f"named {benchmark.files}"
        raise DataError(f"holds no files {sought}", file=path)
    for file in files:
        check_pointer(file)
        yield str(file), read_rows(file)


def _bootstrap(benchmark: Benchmark, groups: Sequence[Group], resamples: int, seed: int) -> Bootstrap:
    return Bootstrap(codes(map(benchmark.unit, groups))[1], resamples=resamples, seed=seed)


def _weights(bootstrap: Bootstrap) -> Iterator[Floats]:
    """How often each item counts [I] in each resample."""
    for block in bootstrap.multiplicities():
        for times in block:
            yield times[bootstrap.unit]


def _flat(scores: Mapping[str, Mapping[str, float]]) -> dict[tuple[str, str], float]:
    return {(level, name): value for level, part in scores.items() for name, value in part.items()}
