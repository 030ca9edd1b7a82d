"""`polypref eval`: how well preference models predict judgments, side by side, and how they score on benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from polypref.cli import common
from polypref.errors import PolyprefError

if TYPE_CHECKING:
    from polypref.evaluation.cache import StateCache
    from polypref.evaluation.measuring import Measured
    from polypref.groups.model import Group
    from polypref.models.answer import Cut
    from polypref.models.domains import DomainModels
    from polypref.models.preference_model import PreferenceModel
    from polypref.statistics.comparing import Difference
    from polypref.statistics.resampling import Estimate

_EACH = "each"  # --domain: the models of all domains, on what each domain prefers
_BY = "annotator"
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
    columns: common.ColumnNames = None,
    skip_bad: common.SkipBad = False,
    without: common.Without = None,
    by: Annotated[
        Optional[str],
        typer.Option(
            "--by",
            metavar="annotator",
            help="How each annotator's votes are predicted as theirs and as anybody's.",
            show_default=False,
        ),
    ] = None,
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
    if domain == _EACH and (not data or benchmark):
        raise PolyprefError("--domain each compares the models of a customised folder on --data, without --benchmark")
    if by not in (None, _BY):
        raise PolyprefError(f"unknown --by {by!r}; known is {_BY}")
    if by is not None and (not data or benchmark or domain == _EACH):
        raise PolyprefError(f"--by {_BY} measures models on --data, without --benchmark and --domain {_EACH}")
    groups: list[Group] = []
    if data:
        sources = common.sources_of(
            data,
            format=format,
            preferred=preferred,
            columns=columns,
            skip_bad=skip_bad,
            without=without,
            pairs_from_ratings=pairs_from_ratings,
        )
        groups = sources.read(common.note)

    from polypref.evaluation.measuring import check_judged, check_measured, measure, read_benchmarks
    from polypref.models.loading import Loading

    if data:
        check_judged(groups, ", ".join(data))
    loading = Loading(max_length, dtype, device, trust_remote_code, state_token)
    if domain == _EACH:
        _each_domain({name: partial(loading.domains, name) for name in models}, groups, data, resamples, seed, json)
        return
    if by is not None:
        _by_annotator(
            {name: partial(loading.model, name, domain) for name in models},
            groups,
            data,
            common.cached_in(cache, no_cache),
            resamples,
            seed,
            json,
        )
        return
    write = None if out is None else _writer(out, models, domain)

    def finished(found: Measured, name: str, model: PreferenceModel, cut: Cut) -> None:
        common.note_cut(name, cut, model.inputs.max_length)
        common.note_by_general(model)
        if write:
            write(found, name, model)

    with common.models_bar() as progress:
        found = measure(
            {name: partial(loading.model, name, domain) for name in models},
            groups,
            read_benchmarks(benchmark or [], common.note),
            cached=common.cached_in(cache, no_cache),
            resamples=resamples,
            seed=seed,
            progress=progress,
            finished=finished,
        )
    if data:
        check_measured(found, groups)
    if json:
        common.print_json({"data": data, **found.to_dict(), **common.named_domain(domain)})
    else:
        show(found)


def show(found: Measured) -> None:
    """Print what was measured for people."""
    from polypref.evaluation.scoreboard import all_boards

    for board in all_boards(found):
        common.print_table(board.rows, header=board.header, title=board.title)
        for remark in board.notes:
            print(f"  {remark}")


def _writer(out: str, models: Sequence[str], domain: str | None) -> Callable[[Measured, str, PreferenceModel], None]:
    """What writes a model's scores on the benchmarks, as files."""
    from polypref.evaluation.benchmarks.results import Described, organised, write_results

    written_as = organised(models, domain)

    def write(found: Measured, name: str, model: PreferenceModel) -> None:
        described = Described(written_as[name], model.head.plain, model.inputs.layout)
        judged = {benchmark: by_model[name] for benchmark, by_model in found.judged.items()}
        for path in write_results(out, described, judged):
            common.note(f"wrote {path}")

    return write


def _by_annotator(
    models: Mapping[str, Callable[[], PreferenceModel]],
    groups: Sequence[Group],
    data: Sequence[str],
    cached: Callable[[PreferenceModel], StateCache | None],
    resamples: int,
    seed: int,
    json: bool,
) -> None:
    """What telling persons apart adds, for each model."""
    from polypref.evaluation.by_person import measure_by_person

    found = {}
    for name, load in models.items():
        model = load()
        found[name] = measure_by_person(model, groups, reader=cached(model), resamples=resamples, seed=seed)
    if json:
        listed = {name: one.to_dict() for name, one in found.items()}
        common.print_json({"data": list(data), "by": _BY, "models": listed})
        return
    for name, one in found.items():
        rows = [
            (metric, *(_shown(part[metric]) for part in (one.personal, one.anonymous, one.difference)))
            for metric in one.difference
        ]
        header = ("", "personal [95 %]", "anonymous [95 %]", "difference [95 %]")
        title = f"{name}: {one.pairs:,} pairs judged by {one.persons:,} persons whom it knows"
        common.print_table(rows, header=header, title=title)
        if one.unknown:
            print(f"  {one.unknown:,} pairs judged by others are left out")


def _shown(found: Estimate | Difference) -> str:
    if found.low is None or found.high is None:
        return f"{found.value:.3f}"
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


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
