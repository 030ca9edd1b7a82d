"""Several models on the same judgments and benchmarks: measured one after the other, then compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from polypref.errors import DataError, PolyprefError
from polypref.evaluation.assessment import Assessment, Assessor
from polypref.evaluation.benchmarks import find_benchmark
from polypref.evaluation.benchmarks.base import Benchmark, Judged, compare_judged, judge, read_items
from polypref.evaluation.cache import StateCache
from polypref.groups.model import Group
from polypref.groups.rows import Progress
from polypref.models.answer import Cut, StateAnswer
from polypref.models.preference_model import PreferenceModel
from polypref.statistics.comparing import Difference, Evidence, compare_with_first

Benchmarks = Mapping[str, tuple[Benchmark, Sequence[Group]]]  # by name, with their items


@dataclass
class Measured:
    """What was measured of some models, by their names."""

    benchmarks: Mapping[str, Benchmark]
    resamples: int
    seed: int
    assessments: dict[str, Assessment] = field(default_factory=dict)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    uncalibrated: dict[str, tuple[float, Assessment]] = field(default_factory=dict)  # temperature; what it was without
    judged: dict[str, dict[str, Judged]] = field(default_factory=dict)  # by benchmark, then model

    @property
    def models(self) -> list[str]:
        """Their names, in the order in which they were measured."""
        return list(self.assessments) or list(next(iter(self.judged.values()), {}))

    def differences(self) -> dict[str, dict[str, Difference]]:
        """Each later model less the first one, by metric."""
        return compare_with_first(self.evidence, resamples=self.resamples, seed=self.seed)

    def benchmark_differences(self, name: str) -> dict[str, dict[str, dict[str, Difference]]]:
        """The same for the scores of a benchmark, by model, level and name."""
        benchmark, judged = self.benchmarks[name], self.judged[name]
        first, *others = judged
        return {
            other: compare_judged(benchmark, judged[other], judged[first], resamples=self.resamples, seed=self.seed)
            for other in others
        }

    def to_dict(self) -> dict[str, Any]:
        """A JSON object; what was not asked for, or needs several models, is not in it."""
        found: dict[str, Any] = {"models": {name: one.to_dict() for name, one in self.assessments.items()}}
        if self.uncalibrated:
            found["calibration"] = {name: _calibration(*one) for name, one in self.uncalibrated.items()}
        if len(self.evidence) > 1:
            found["differences"] = {
                "from": next(iter(self.evidence)),
                "models": {name: _plain(metrics) for name, metrics in self.differences().items()},
            }
        if self.benchmarks:
            found["benchmarks"] = {name: self._benchmark_to_dict(name) for name in self.benchmarks}
        return found

    def _benchmark_to_dict(self, name: str) -> dict[str, Any]:
        judged = self.judged[name]
        found: dict[str, Any] = {"models": {model: one.to_dict() for model, one in judged.items()}}
        if len(judged) > 1:
            found["differences"] = {
                "from": next(iter(judged)),
                "models": {
                    model: {level: _plain(scores) for level, scores in by_level.items()}
                    for model, by_level in self.benchmark_differences(name).items()
                },
            }
        return found


def measure(
    models: Mapping[str, Callable[[], PreferenceModel]],
    groups: Sequence[Group] = (),
    benchmarks: Benchmarks | None = None,
    *,
    cached: Callable[[PreferenceModel], StateCache | None] = lambda model: None,
    resamples: int = 1000,
    seed: int = 0,
    progress: Progress = lambda name, done, total: None,
    heard: Callable[[str, StateAnswer], None] = lambda name, answer: None,
    finished: Callable[[Measured, str, PreferenceModel, Cut], None] = lambda found, name, model, cut: None,
) -> Measured:
    """What some models, by name, are worth on groups and on benchmarks; one at a time is in memory.

    Args:
        models: what loads each of them.
        groups: judged groups; without any, nothing is assessed.
        benchmarks: as `read_benchmarks` gives them.
        cached: the cache of a model's states, or None for one whose states are computed anew.
        resamples, seed: of the prompts, for intervals.
        progress: called after each group.
        heard: called with each answer about `groups`, in their order.
        finished: called when a model is done, with what is measured so far, the model, and what it did not read.
    """
    benchmarks = benchmarks or {}
    found = Measured({name: benchmark for name, (benchmark, _) in benchmarks.items()}, resamples, seed)
    for name, load in models.items():
        model = load()
        asked = _Asked(name, cached(model) or model, progress)
        if groups:
            assessor = Assessor(constant=model.training_opinion or None, resamples=resamples, seed=seed)
            before = Assessor(constant=model.training_opinion or None, resamples=1)
            for group, answer in asked.answers(groups):
                assessor.add(group, answer)
                if model.temperature != 1:
                    before.add(group, replace(answer, temperature=1.0))
                heard(name, answer)
            found.assessments[name], found.evidence[name] = assessor.assessment(), assessor.evidence()
            if model.temperature != 1:
                found.uncalibrated[name] = model.temperature, before.assessment()
        for benchmark, items in benchmarks.values():
            judged = found.judged.setdefault(benchmark.name, {})
            judged[name] = judge(benchmark, asked.answers(items), resamples=resamples, seed=seed)
        finished(found, name, model, asked.cut)
        del model, asked
    return found


@dataclass(frozen=True)
class _Asked:
    """A model, or the cache of its states, that is asked about groups; what it did not read is counted."""

    name: str
    reader: PreferenceModel | StateCache
    progress: Progress
    cut: Cut = field(default_factory=Cut)

    def answers(self, groups: Sequence[Group]) -> Iterator[tuple[Group, StateAnswer]]:
        for done, (group, answer) in enumerate(self.reader.encode(groups), 1):
            yield group, answer
            self.cut.count(answer)
            self.progress(self.name, done, len(groups))


def read_benchmarks(named: Sequence[str], note: Callable[[str], None]) -> Benchmarks:
    """Benchmarks by `NAME` or `NAME=PATH`, with their items; `note` is told what was left out of them."""
    found: dict[str, tuple[Benchmark, Sequence[Group]]] = {}
    for text in named:
        name, _, path = text.partition("=")
        if name in found:
            raise PolyprefError(f"the benchmark {name} is given twice")
        benchmark = find_benchmark(name)
        found[name] = benchmark, read_items(benchmark, path or None, note)
    return found


def check_judged(groups: Sequence[Group], file: str | Path) -> None:
    """Refuse groups of which nothing was said."""
    if not any(group.comparisons or group.ratings for group in groups):
        raise DataError("hold no comparisons and no ratings, so there is nothing to measure a model on", file=file)


def check_measured(found: Measured, groups: Sequence[Group]) -> None:
    """Refuse what measured nothing: ratings alone tell only of models that predict a crowd's opinion of numbers."""
    if all(one.pairwise is None and one.crowd is None and one.truth is None for one in found.assessments.values()):
        raise DataError(
            f"the data hold {sum(len(group.ratings) for group in groups):,} ratings and no comparisons, which only a "
            "distributional model predicts, and of numbers; derive comparisons with --pairs-from-ratings"
        )


def _calibration(temperature: float, before: Assessment) -> dict[str, float]:
    """The temperature, and what it changed, as it was without."""
    without = before.pairwise
    scores = {} if without is None else {"log_loss": without.log_loss.value, "ece": without.ece.value}
    return {"temperature": temperature, **{f"{name}_before": value for name, value in scores.items()}}


def _plain(differences: Mapping[str, Difference]) -> dict[str, Any]:
    return {metric: asdict(one) for metric, one in differences.items()}
