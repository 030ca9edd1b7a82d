"""Assessments as tables for people: one row per model, then domains, criteria, annotators; differences; benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from polypref.evaluation.assessment import Assessment
from polypref.evaluation.benchmarks.base import Judged
from polypref.evaluation.catalogue import BY_NAME, METRICS, Metric, Table
from polypref.evaluation.measuring import Measured
from polypref.evaluation.pairwise import AnnotatorScores, PairwiseScores
from polypref.statistics.comparing import Difference
from polypref.statistics.resampling import Estimate

_NONE = "–"
_MOST_PARTS = 12  # domains or criteria shown, the ones with most votes
_ENDS = 5  # best and worst annotators shown of one model
_ENDS_OF_MANY = 2  # and of each of several
_Column = tuple[str, Callable[[Assessment], str]]


@dataclass(frozen=True, slots=True)
class Board:
    """One table: cells of plain text, and remarks to go below it."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    table: Table | None = None  # whose metrics it shows, all of them; None for other tables


def all_boards(found: Measured) -> list[Board]:
    """All tables of what was measured: assessments, differences, benchmarks."""
    short = _short_names(found.models)
    made: list[Board] = []
    if found.assessments:
        first, *others = scoreboard({short[name]: one for name, one in found.assessments.items()})
        calibrated = (_calibrated(short[name], *one) for name, one in found.uncalibrated.items())
        made += [replace(first, notes=(*first.notes, *calibrated)), *others]
    if len(found.evidence) > 1:
        by_model = {short[name]: metrics for name, metrics in found.differences().items()}
        made.append(difference_board(short[found.models[0]], by_model))
    for name, benchmark in found.benchmarks.items():
        judged = {short[model]: one for model, one in found.judged[name].items()}
        differences = {short[model]: one for model, one in found.benchmark_differences(name).items()}
        made.append(benchmark_board(benchmark.title, judged, differences, benchmark.lower_is_better))
    return made


def _calibrated(name: str, temperature: float, before: Assessment) -> str:
    """What a model was like before its log-odds were divided by a temperature."""
    said = f"{name}: log-odds are divided by {temperature:.3g}"
    if before.pairwise is None:
        return said
    return f"{said}; before, log loss {before.pairwise.log_loss.value:.3f} and ECE {before.pairwise.ece.value:.3f}"


def _short_names(names: Sequence[str]) -> dict[str, str]:
    """Models by the last part of their path, where these differ: in narrow tables long paths are hard to read."""
    short = {name: Path(name).name for name in names}
    return short if len(set(short.values())) == len(names) else {name: name for name in names}


def scoreboard(assessments: Mapping[str, Assessment]) -> list[Board]:
    """The tables for some models, by name, that were assessed on the same data; columns nobody has are left out."""
    boards = [
        _preferences(assessments),
        _crowds(assessments),
        _labels(assessments),
        _truths(assessments),
        _groups(assessments),
        _best_of(assessments),
        _worst(assessments),
        _parts("domain", {name: found.domains for name, found in assessments.items()}),
        _parts("criterion", {name: found.criteria for name, found in assessments.items()}),
        _annotators(assessments),
    ]
    return [board for board in boards if board is not None]


def _preferences(assessments: Mapping[str, Assessment]) -> Board:
    sizes = {f"{_count(a.groups, 'group')} · {_count(a.comparisons, 'comparison')}" for a in assessments.values()}
    counts: list[_Column] = [("groups", lambda a: f"{a.groups:,}"), ("comparisons", lambda a: f"{a.comparisons:,}")]
    columns = [*(counts if len(sizes) > 1 else []), *_metrics("preferences")]  # else said once, in the title
    title = " · ".join(["Preferences", *(sizes if len(sizes) == 1 else [])])
    return _board("preferences", title, assessments, columns, _remarks(assessments.values()))


def _crowds(assessments: Mapping[str, Assessment]) -> Board | None:
    found = {name: a for name, a in assessments.items() if a.crowd}
    responses: _Column = ("responses", lambda a: f"{a.crowd.responses:,}" if a.crowd else _NONE)
    columns = [responses, *_metrics("crowds")]
    return _board("crowds", "Crowds (in units of the labels)", found, columns) if found else None


def _labels(assessments: Mapping[str, Assessment]) -> Board | None:
    found = {name: a for name, a in assessments.items() if a.crowd and a.crowd.total_variation}
    return _board("labels", "Crowds, label by label", found, _metrics("labels")) if found else None


def _truths(assessments: Mapping[str, Assessment]) -> Board | None:
    found = {name: a for name, a in assessments.items() if a.truth}
    return _board("truth", "Against the simulated truth", found, _metrics("truth")) if found else None


def _groups(assessments: Mapping[str, Assessment]) -> Board | None:
    found = {name: a for name, a in assessments.items() if a.lengths or a.ranking or a.cyclic}
    return _board("orders", "Orders, lengths and cycles", found, _metrics("orders")) if found else None


def _metrics(table: Table) -> list[_Column]:
    """The columns of a table, as the catalogue has them."""
    return [(metric.heading, partial(_cell, metric)) for metric in METRICS if metric.table == table]


def _cell(metric: Metric, found: Assessment) -> str:
    read = metric.read(found)
    if read is None:
        return _NONE
    if not isinstance(read, Estimate):
        return f"{read:.3f}"
    return _interval(read) if metric.with_interval else _value(read)


def _best_of(assessments: Mapping[str, Assessment]) -> Board | None:
    found = {name: a.best_of for name, a in assessments.items() if a.best_of}
    if not found:
        return None
    curve = max(found.values(), key=len)
    header = ("model", *(f"n = {point.n}" for point in curve))
    rows = [(name, *(_interval(point.chosen) for point in points)) for name, points in found.items()]
    rows.append(("the best of n", *(f"{point.oracle:.3f}" for point in curve)))
    rows = [(*row, *[_NONE] * (len(header) - len(row))) for row in rows]
    return Board("Best of n (expected quality of the chosen response)", header, tuple(rows))


def _worst(assessments: Mapping[str, Assessment]) -> Board | None:
    rows = [
        (kind, model, part.name, f"{part.pairs:,}", _interval(part.accuracy), f"{part.mean:.3f}", f"{part.parts:,}")
        for kind in ("domain", "criterion", "annotator")
        for model, a in assessments.items()
        if (part := a.worst.get(kind)) is not None
    ]
    if not rows:
        return None
    return Board("Worst parts", ("of each", "model", "worst", "pairs", "accuracy [95 %]", "mean", "of"), tuple(rows))


def difference_board(baseline: str, differences: Mapping[str, Mapping[str, Difference]]) -> Board:
    """How other models differ from the first one: `differences` by model and metric."""
    rows: list[tuple[str, ...]] = []
    for model, found in differences.items():
        for at, (metric, one) in enumerate(found.items()):
            sign = f"{BY_NAME[metric].better} than 0"
            rows.append((model if at == 0 else "", metric.replace("_", " "), *_difference(one), sign))
    header = ("model", "metric", "difference [95 %]", "p", "better is")
    return Board(f"Differences from {baseline}", header, tuple(rows))


def benchmark_board(
    title: str,
    judged: Mapping[str, Judged],
    differences: Mapping[str, Mapping[str, Mapping[str, Difference]]],
    lower_is_better: bool = False,
) -> Board:
    """The scores of some models on one benchmark, a row for each; `differences` from the first model, by model."""
    first = next(iter(judged.values()))
    header = ["score", *judged, *(f"{model} less {next(iter(judged))} [p]" for model in differences)]
    rows = []
    for level, scores in first.scores.items():
        for name in scores:
            cells = [_interval(found.scores.get(level, {}).get(name)) for found in judged.values()]
            for found in differences.values():
                value, p = _difference(found[level][name])
                cells.append(f"{value} p {p}")
            rows.append((f"{level} · {name}" if level not in ("overall", "subsets") else name, *cells))
    notes = ("lower is better",) if lower_is_better else ()
    return Board(f"{title} · {_count(first.items, 'item')}", tuple(header), tuple(rows), notes)


def _difference(one: Difference) -> tuple[str, str]:
    interval = "" if one.low is None or one.high is None else f" [{one.low:+.3f} to {one.high:+.3f}]"
    return f"{one.value:+.3f}{interval}", _NONE if one.p is None else f"{one.p:.4f}"


def _parts(kind: str, scores: Mapping[str, Mapping[str, PairwiseScores]]) -> Board | None:
    votes: dict[str, float] = {}
    for parts in scores.values():
        for part, found in parts.items():
            votes[part] = max(votes.get(part, 0.0), found.votes)
    if not votes:
        return None
    shown = sorted(votes, key=lambda part: -votes[part])[:_MOST_PARTS]
    rows = []
    for part in shown:
        models = [(name, parts[part]) for name, parts in scores.items() if part in parts]
        for at, (name, found) in enumerate(models):
            cells = (f"{found.pairs:,}", _interval(found.accuracy), _votes(found))
            rows.append((part if at == 0 else "", name, *cells, _value(found.log_loss), _value(found.ece)))
    header = (kind, "model", "pairs", "accuracy [95 %]", "votes / ceiling", "log loss", "ECE")
    plural = {"domain": "Domains", "criterion": "Criteria"}[kind]
    more = len(votes) - len(shown)
    notes = (f"{more:,} more with fewer votes",) if more else ()
    return Board(plural, header, tuple(rows), notes)


def _annotators(assessments: Mapping[str, Assessment]) -> Board | None:
    rows: list[tuple[str, ...]] = []
    notes: list[str] = []
    ends = _ENDS if len(assessments) == 1 else _ENDS_OF_MANY
    for name, assessment in assessments.items():
        ranked = [scores for scores in assessment.annotators if scores.accuracy]
        shown: Sequence[AnnotatorScores] = ranked
        if len(ranked) > 2 * ends:
            shown = [*ranked[:ends], *ranked[-ends:]]
            few = f"{assessment.minimum_votes:g} votes or more"
            notes.append(f"{name}: the best and the worst {ends} of {len(ranked):,} annotators with {few}")
        for at, one in enumerate(shown):
            cells = (f"{one.votes:,g}", _interval(one.accuracy), f"{one.log_loss:.3f}")
            rows.append((name if at == 0 else "", one.annotator, *cells))
    if not rows:
        return None
    return Board(
        "Annotators", ("model", "annotator", "votes", "accuracy [95 %]", "log loss"), tuple(rows), tuple(notes)
    )


def _board(
    table: Table, title: str, found: Mapping[str, Assessment], columns: list[_Column], notes: tuple[str, ...] = ()
) -> Board:
    """A row per model, and the columns that say something of any of them."""
    cells = {header: [cell(a) for a in found.values()] for header, cell in columns}
    header = [name for name, texts in cells.items() if any(text != _NONE for text in texts)]
    rows = [(model, *(cells[name][at] for name in header)) for at, model in enumerate(found)]
    return Board(title, ("model", *header), tuple(rows), notes, table)


def _remarks(assessments: Iterable[Assessment]) -> tuple[str, ...]:
    """What the numbers leave out, each said once."""
    notes: dict[str, None] = {}
    for a in assessments:
        if a.unpredicted:
            notes[f"{_count(a.unpredicted, 'comparison')} without a prediction left out"] = None
        if a.pairwise is None or a.pairwise.accuracy is None:
            notes["no comparisons with evidence: nothing to measure accuracy and AUC on"] = None
        elif a.pairwise.ties:
            of = f"{a.pairwise.ties:,} of {_count(a.pairwise.pairs, 'pair')}"
            notes[f"accuracy and AUC leave out {of} whose votes are split evenly"] = None
    return tuple(notes)


def _votes(scores: PairwiseScores) -> str:
    return f"{scores.vote_accuracy.value:.3f} / {scores.ceiling:.3f}"


def _interval(found: Estimate | None) -> str:
    if found is None or found.low is None or found.high is None:
        return _value(found)
    return f"{found.value:.3f} [{found.low:.2f}–{found.high:.2f}]"


def _value(found: Estimate | None) -> str:
    return _NONE if found is None else f"{found.value:.3f}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
