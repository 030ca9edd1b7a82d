"""`polypref eval`: how well preference models predict judgments, side by side, and how they score on benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from polypref.cli import common
from polypref.errors import DataError, PolyprefError

if TYPE_CHECKING:
    from polypref.evaluation.assessment import Assessment
    from polypref.evaluation.benchmarks.base import Benchmark, Judged
    from polypref.groups.model import Group
    from polypref.models.answer import Answer
    from polypref.models.domains import DomainModels
    from polypref.models.preference_model import PreferenceModel
    from polypref.statistics.comparing import Difference, Evidence

_EACH = "each"  # --domain: the models of all domains, on what each domain prefers
_DomainName = Annotated[Optional[str], common.domain_option("; each: all models, on what each domain prefers")]


def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL…", help="Folders or Hugging Face ids of preference models.", show_default=False),
    ],
    data: Annotated[
        Optional[list[str]],
        typer.Option("--data", metavar="FILE", help="Data, in any format that is read, or - ; may be repeated."),
    ] = None,
    benchmark: Annotated[
        Optional[list[str]],
        typer.Option(
            "--benchmark",
            metavar="NAME[=PATH]",
            help="rewardbench, rewardbench2, rm-bench, judgebench, llmbar or lewidi; from a file, a folder or the hub.",
        ),
    ] = None,
    out: Annotated[
        Optional[str],
        typer.Option("--out", metavar="DIR", help="Write benchmark scores there: RewardBench's JSON, model cards."),
    ] = None,
    domain: _DomainName = None,
    format: common.FormatName = None,
    preferred: common.Preferred = None,
    skip_bad: common.SkipBad = False,
    without: common.Without = None,
    pairs_from_ratings: Annotated[
        bool, typer.Option("--pairs-from-ratings", help="Add the comparisons that each annotator's ratings imply.")
    ] = False,
    resamples: Annotated[int, typer.Option("--resamples", min=1, help="Resamples of prompts for intervals.")] = 1000,
    seed: common.Seed = 0,
    cache: common.CacheFolder = None,
    no_cache: common.NoCache = False,
    max_length: common.MaxLength = None,
    dtype: common.DtypeName = "float32",
    device: common.Device = None,
    trust_remote_code: common.TrustRemoteCode = False,
    state_token: common.StateTokenName = "checkpoint",
    json: common.Json = False,
) -> None:
    """Measure preference models on judgments and benchmarks: accuracy, calibration, distance to the crowd's opinion.

    What a model computes is kept, so that another metric or a run that was killed starts from there.
    """
    data, models = data or [], list(dict.fromkeys(models))
    if not data and not benchmark:
        raise PolyprefError("there is nothing to measure on: give --data FILE or --benchmark NAME")
    common.check_cache(cache, no_cache)
    if out is not None and not benchmark:
        raise PolyprefError("--out writes the scores of benchmarks: give --benchmark, or leave --out out")
    groups: list[Group] = []
    if domain == _EACH and (not data or benchmark):
        raise PolyprefError("--domain each compares the models of a customised folder on --data, without --benchmark")
    if data:
        sources = common.Sources(data, format=format, preferred=preferred, skip_bad=skip_bad, without=without)
        groups = list(sources)
        sources.report_skipped()
        if pairs_from_ratings:
            from polypref.groups.deriving import comparisons_from_ratings

            groups = [comparisons_from_ratings(group) for group in groups]
        _check_judged(groups, ", ".join(data))
    loading: dict[str, Any] = {
        "max_length": max_length,
        "dtype": dtype,
        "device": device,
        "trust_remote_code": trust_remote_code,
        "state_token": state_token,
    }
    load: Callable[..., PreferenceModel] = partial(common.load_model, **loading)
    if domain == _EACH:
        load_domains: Callable[..., DomainModels] = partial(common.load_domains, **loading)
        _each_domain({name: partial(load_domains, name) for name in models}, groups, data, resamples, seed, json)
        return
    written_as: dict[str, str] = {}
    if out is not None:
        from polypref.evaluation.benchmarks.results import organised

        written_as = organised(models, domain)
    run = _Run(groups, _benchmarks(benchmark or []), resamples, seed)
    for name in models:  # one after the other, so that only one is in memory
        model = load(name, domain=domain)
        reader = _Reader(model, name, cache, kept=not no_cache)
        run.measure(name, reader)
        if out is not None:
            run.write(name, written_as[name], reader.model, out)
        del model, reader
    if data:
        _check_measured(run.assessments, groups)
    if json:
        common.print_json({**run.to_dict(data), **common.named_domain(domain)})
    else:
        show(run, models)


@dataclass
class _Run:
    """Some data and benchmarks, and what was measured on them."""

    groups: Sequence[Group]
    benchmarks: Mapping[str, tuple[Benchmark, Sequence[Group]]]
    resamples: int
    seed: int
    assessments: dict[str, Assessment] = field(default_factory=dict)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    judged: dict[str, dict[str, Judged]] = field(default_factory=dict)  # by benchmark, then model

    def measure(self, name: str, reader: _Reader) -> None:
        """Everything about one model."""
        if self.groups:
            self._assess(name, reader)
        for benchmark, items in self.benchmarks.values():
            from polypref.evaluation.benchmarks.base import judge

            found = judge(benchmark, reader.answers(items), resamples=self.resamples, seed=self.seed)
            self.judged.setdefault(benchmark.name, {})[name] = found
        reader.note()

    def write(self, name: str, written_as: str, model: PreferenceModel, out: str) -> None:
        """A model's scores on the benchmarks, as files."""
        from polypref.evaluation.benchmarks.results import Described, write_results

        described = Described(written_as, model.head.name == "scalar", model.inputs.layout)
        for path in write_results(out, described, {name_of: found[name] for name_of, found in self.judged.items()}):
            common.note(f"wrote {path}")

    def _assess(self, name: str, reader: _Reader) -> None:
        from polypref.evaluation.assessment import Assessor

        constant = reader.model.training_opinion or None
        assessor = Assessor(constant=constant, resamples=self.resamples, seed=self.seed)
        for group, prediction in reader.answers(self.groups):
            assessor.add(group, prediction)
        self.assessments[name], self.evidence[name] = assessor.assessment(), assessor.evidence()

    def differences(self) -> dict[str, dict[str, Difference]]:
        """Each later model less the first one, by metric."""
        from polypref.statistics.comparing import compare_with_first

        return compare_with_first(self.evidence, resamples=self.resamples, seed=self.seed)

    def benchmark_differences(self, benchmark: Benchmark) -> dict[str, dict[str, dict[str, Difference]]]:
        """The same for the scores of a benchmark."""
        from polypref.evaluation.benchmarks.base import compare_judged

        judged = self.judged[benchmark.name]
        first, *others = judged
        return {
            name: compare_judged(benchmark, judged[name], judged[first], resamples=self.resamples, seed=self.seed)
            for name in others
        }

    def to_dict(self, data: Sequence[str]) -> dict[str, Any]:
        """One JSON object; what was not asked for, or needs several models, is not in it."""
        found: dict[str, Any] = {"data": list(data)}
        found["models"] = {name: one.to_dict() for name, one in self.assessments.items()}
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
            differences = self.benchmark_differences(self.benchmarks[name][0])
            found["differences"] = {
                "from": next(iter(judged)),
                "models": {
                    model: {level: _plain(scores) for level, scores in by_level.items()}
                    for model, by_level in differences.items()
                },
            }
        return found


class _Reader:
    """What one model says, from the cache where it was computed before."""

    def __init__(self, model: PreferenceModel, name: str, folder: str | None, *, kept: bool) -> None:
        from polypref.evaluation.cache import StateCache, keeps
        from polypref.models.answer import Cut

        self.model, self.name = model, name
        self.cache = StateCache(model, folder) if kept and keeps(model) else None
        self._cut = Cut()

    def answers(self, groups: Sequence[Group]) -> Iterator[tuple[Group, Answer]]:
        with common.progress_bar(self.name) as progress:
            for done, (group, answer) in enumerate((self.cache or self.model).encode(groups), 1):
                yield group, answer
                self._cut.count(answer)
                progress("assessing", done, len(groups))

    def note(self) -> None:
        """Say what was cut, and whom the general model read for."""
        common.note_cut(self.name, self._cut, self.model.inputs.max_length)
        common.note_by_general(self.model)


def _each_domain(
    models: Mapping[str, Callable[[], DomainModels]],
    groups: Sequence[Group],
    data: Sequence[str],
    resamples: int,
    seed: int,
    json: bool,
) -> None:
    """Which domain's model prefers which domain's responses, for each customised folder."""
    from polypref.evaluation.confusion import domain_confusion

    found = {}
    for name, load in models.items():
        with common.progress_bar(name) as progress:
            found[name] = domain_confusion(load(), groups, resamples=resamples, seed=seed, progress=progress)
    if json:
        confusions = {name: one.to_json() for name, one in found.items()}
        common.print_json({"data": list(data), "domain": _EACH, "models": confusions})
        return
    for name, one in found.items():
        board = one.board()
        common.print_table(board.rows, header=board.header, title=f"{Path(name).name}: {board.title}")


def show(run: _Run, names: Sequence[str]) -> None:
    """Print what was measured for people."""
    from polypref.evaluation.scoreboard import benchmark_board, difference_board, scoreboard

    short = {name: Path(name).name for name in names}  # in tables of 80 columns long paths are hard to read
    if len(set(short.values())) < len(names):
        short = {name: name for name in names}
    boards = []
    if run.assessments:
        boards += scoreboard({short[name]: one for name, one in run.assessments.items()})
    if len(run.evidence) > 1:
        found = {short[name]: metrics for name, metrics in run.differences().items()}
        boards.append(difference_board(short[names[0]], found))
    for benchmark, _ in run.benchmarks.values():
        judged = {short[name]: one for name, one in run.judged[benchmark.name].items()}
        differences = {short[name]: one for name, one in run.benchmark_differences(benchmark).items()}
        boards.append(benchmark_board(benchmark.title, judged, differences, benchmark.lower_is_better))
    for board in boards:
        common.print_table(board.rows, header=board.header, title=board.title)
        for remark in board.notes:
            print(f"  {remark}")


def _benchmarks(named: Sequence[str]) -> dict[str, tuple[Benchmark, Sequence[Group]]]:
    """The benchmarks by name, read before any model is loaded."""
    from polypref.evaluation.benchmarks import find_benchmark
    from polypref.evaluation.benchmarks.base import read_items

    found: dict[str, tuple[Benchmark, Sequence[Group]]] = {}
    for text in named:
        name, _, path = text.partition("=")
        if name in found:
            raise PolyprefError(f"--benchmark {name} is given twice")
        benchmark = find_benchmark(name)
        found[name] = benchmark, read_items(benchmark, path or None, common.note)
    return found


def _plain(differences: Mapping[str, Difference]) -> dict[str, Any]:
    return {metric: asdict(one) for metric, one in differences.items()}


def _check_judged(groups: Sequence[Group], name: str) -> None:
    if not any(group.comparisons or group.ratings for group in groups):
        raise DataError("hold no comparisons and no ratings, so there is nothing to measure a model on", file=name)


def _check_measured(found: Mapping[str, Assessment], groups: Sequence[Group]) -> None:
    """Ratings alone measure only models that predict a crowd's opinion of numeric labels."""
    if all(one.pairwise is None and one.crowd is None and one.truth is None for one in found.values()):
        raise DataError(
            f"the data hold {sum(len(group.ratings) for group in groups):,} ratings and no comparisons, which only a "
            "distributional model predicts, and of numbers; derive comparisons with --pairs-from-ratings"
        )
