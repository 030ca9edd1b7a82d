"""The sections of a chapter: a heading, a sentence or two, figures with captions, tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from polypref.customization.tradeoff import Point
from polypref.evaluation.assessment import Assessment
from polypref.evaluation.pairwise import PairwiseScores
from polypref.evaluation.scoreboard import Board, difference_board, scoreboard
from polypref.inspection.screen import inspection_lines
from polypref.markup import Markup, cut, joined, tag
from polypref.reporting import figures, people_sections, policy_sections, prompt_sections, words
from polypref.reporting.contents import Chapter
from polypref.reporting.figures import Curve, Row
from polypref.reporting.tables import figure, folded, matrix_table, panel, table
from polypref.statistics.resampling import Estimate

_MOST_PARTS = 8  # domains or criteria in a figure
_MOST_BARS = 16  # labels in a figure
_MOST_ANNOTATORS = 300
_MOST_IN_TABLE = 30  # points of a curve

_Section = Callable[[Chapter, str], "Markup | None"]


def drawn_sections(chapter: Chapter, prefix: str) -> list[tuple[str, str, Markup]]:
    """The name, title and markup of each section that has something to show."""
    drawn = [(name, title, draw(chapter, prefix)) for name, title, draw in _SECTIONS]
    return [(name, title, section) for name, title, section in drawn if section is not None]


def _section(prefix: str, name: str, *children: Markup | None) -> Markup:
    title = next(title for known, title, _ in _SECTIONS if known == name)
    heading = tag("h3", None, title)
    return tag("section", {"id": f"{prefix}-{name}", "aria-label": title}, heading, *children)


# — in short, and what the data are —


def _summary(chapter: Chapter, prefix: str) -> Markup | None:
    said = words.summary(chapter)
    return _section(prefix, "summary", tag("ul", {"class": "summary"}, *(tag("li", None, each) for each in said)))


def _data(chapter: Chapter, prefix: str) -> Markup | None:
    seen = chapter.inspection
    if seen is None:
        return None
    rows = []
    for heading, line in inspection_lines(seen):
        rows.append(tag("div", None, tag("dt", None, heading), tag("dd", None, line)))
    facts = tag("dl", {"class": "facts"}, *rows)
    reasons = "; ".join(seen.reasons)
    advice = tag(
        "p", None, "The head that fits: ", tag("strong", None, seen.recommended_head or "none"), f" — {reasons}."
    )
    return _section(prefix, "data", _files(chapter), facts, advice, *_data_figures(chapter))


def _files(chapter: Chapter) -> Markup:
    return tag("p", {"class": "quiet"}, "Read from ", ", ".join(chapter.data), ".")


def _data_figures(chapter: Chapter) -> list[Markup]:
    seen = chapter.inspection
    assert seen is not None
    plots: list[Markup] = []
    tables: list[Markup] = []
    majorities = seen.votes.majority_shares
    if sum(majorities):
        edges = [(50 + 5 * at, 55 + 5 * at) for at in range(len(majorities))]
        shares = [count / sum(majorities) for count in majorities]
        bars = [
            (f"{low}–{high}", share, f"{share:.0%} of the pairs have a majority of {low} to {high} %")
            for (low, high), share in zip(edges, shares)
        ]
        title = "how large majorities are"
        plots.append(panel("Majorities", figures.bar_chart(bars, title, "share of the majority, %", "share of pairs")))
        tables.append(
            table(("majority, %", "share of pairs"), [(name, f"{share:.1%}") for name, share, _ in bars], title)
        )
    known = seen.cycles
    if known:
        rows = [Row(name, 0, found.value, found.low, found.high) for name, found in known.items()]
        first = next(iter(known.values()))
        reference = {"95 % of noise is below": first.noise_high} if len(known) == 1 else {}
        title = "how much of the evidence is cyclic"
        plot = figures.interval_chart(rows, title, (0.0, 1.0), share=True, reference=reference)
        plots.append(panel("Cyclic share", plot))
        cells = [
            (name, *(f"{value:.3f}" for value in (f.value, f.low, f.high, f.noise, f.noise_high)))
            for name, f in known.items()
        ]
        tables.append(table(("", "cyclic share", "low", "high", "noise", "95 % of noise below"), cells, title))
    if seen.labels and len(seen.labels) <= _MOST_BARS:
        total = sum(seen.labels.values()) or 1.0
        bars = [(name, count / total, f"label {name}: {count / total:.0%}") for name, count in seen.labels.items()]
        title = "how the labels are used"
        plots.append(panel("Labels", figures.bar_chart(bars, title, "label", "share of ratings")))
        tables.append(table(("label", "share of ratings"), [(name, f"{share:.1%}") for name, share, _ in bars], title))
    sources = seen.sources
    if sources is not None and 3 <= len(sources.names) <= figures.MOST_IN_GRAPH:
        names, P = sources.names, sources.preferences
        at = {name: k for k, name in enumerate(names)}
        cycle = [at[name] for name in sources.cycles[0].members] if sources.cycles else []
        short = figures.letters(len(names))
        title = "which source is preferred to which, over all prompts"
        matrix = tuple(tuple(p if p == p else None for p in row) for row in P)
        plot = figures.majority_graph(matrix, short, cycle, title)
        key = tag("p", {"class": "quiet small"}, " · ".join(f"{s} {cut(n, 24)}" for s, n in zip(short, names)))
        plots.append(panel("Sources", joined(plot, key)))
        tables.append(matrix_table(matrix, names, title))
    return [figure("What people said.", words.data_caption(seen), plots, *tables)] if plots else []


# — training —


def _training(chapter: Chapter, prefix: str) -> Markup | None:
    if chapter.policies or chapter.crowd is not None:
        return None
    runs = list(enumerate(chapter.runs))
    settings = list(dict.fromkeys(name for _, run in runs for name in run.settings))
    rows = [(run.name, run.head, *(run.settings.get(name, "–") for name in settings)) for _, run in runs]
    header = ("model", "head", *(name.replace("_", " ") for name in settings))
    plots, numbers = [], []
    for model, run in runs:
        curves = [
            Curve(f"{name} loss", model, run.curves[key], dashed=key != "loss")
            for key, name in (("loss", "training"), ("eval_loss", "held-out"))
            if key in run.curves
        ]
        if curves:
            label = f"loss of {run.name} by training step"
            plots.append(panel(run.name, figures.curve_chart(curves, label, "loss"), model))
            numbers += [row for curve in curves for row in _curve_rows(run.name, curve.name, curve)]
    for key, name, share in (("eval_accuracy", "accuracy", True), ("eval_wasserstein", "distance to the crowd", False)):
        curves = [Curve(run.name, model, run.curves[key]) for model, run in runs if key in run.curves]
        if curves:
            label = f"{name} on held-out prompts by training step"
            plots.append(panel(f"{name}, held out", figures.curve_chart(curves, label, name, share=share)))
            numbers += [row for curve in curves for row in _curve_rows(curve.name, name, curve)]
    drawn = None
    if plots:
        caption = f"points of the curves; of one with more than {_MOST_IN_TABLE}, {_MOST_IN_TABLE} evenly spread"
        alternative = table(("model", "curve", "step", "value"), numbers, caption)
        drawn = figure("Training.", words.TRAINING_CAPTION, plots, alternative)
    how = table(header, rows, "how the models were trained")
    silent = [run.name for _, run in runs if not run.curves]
    note = tag("p", {"class": "quiet"}, f"No training history in {', '.join(silent)}.") if silent else None
    return _section(prefix, "training", how, drawn, note)


def _curve_rows(model: str, name: str, curve: Curve) -> list[tuple[str, ...]]:
    """The points of a curve, or some from its first to its last."""
    last, most = len(curve.points) - 1, min(len(curve.points), _MOST_IN_TABLE)
    shown = [curve.points[round(at * last / max(most - 1, 1))] for at in range(most)]
    return [(model, name, f"{step:g}", f"{value:.4f}") for step, value in shown]


# — side by side —


def _side_by_side(chapter: Chapter, prefix: str) -> Markup | None:
    if not chapter.assessments:
        return None
    boards = [board for board in scoreboard(chapter.assessments) if _compares(board)]
    if chapter.differences:
        boards.append(difference_board(next(iter(chapter.assessments)), chapter.differences))
    return _section(prefix, "models", *_rank_figures(chapter), *map(_board, boards), _columns(boards))


def _compares(board: Board) -> bool:
    """Whether a table has one row for a model."""
    names = [row[0] for row in board.rows]
    return board.header[0] == "model" and "annotator" not in board.header and len(set(names)) == len(names)


def _board(board: Board) -> Markup:
    notes = [tag("p", {"class": "quiet"}, f"{note}.") for note in board.notes]
    return joined(table(board.header, _whole_rows(board), board.title), *notes)


def _whole_rows(board: Board) -> list[tuple[str, ...]]:
    """The rows with their names: a board says once what several rows share, yet rows are sorted and searched alone."""
    rows: list[tuple[str, ...]] = []
    for row in board.rows:
        rows.append(row if row[0] or not rows else (rows[-1][0], *row[1:]))
    return rows


def _columns(boards: Sequence[Board]) -> Markup | None:
    known: dict[str, dict[str, str]] = {}  # the first table by meaning, by column
    for board in boards:
        for name in board.header:
            if meaning := words.column(name, board.table):
                known.setdefault(name, {}).setdefault(meaning, board.title.partition(" · ")[0].lower())
    if not known:
        return None
    terms = [
        tag("div", None, tag("dt", None, name if len(found) == 1 else f"{name}, {title}"), tag("dd", None, meaning))
        for name, found in known.items()
        for meaning, title in found.items()
    ]
    return folded("What the columns mean", tag("dl", {"class": "facts"}, *terms))


def _rank_figures(chapter: Chapter) -> list[Markup]:
    number = chapter.numbers

    def rows(value: Callable[[Assessment], Estimate | None]) -> list[Row]:
        found = [(name, value(one)) for name, one in chapter.assessments.items()]
        return [Row(name, number[name], e.value, e.low, e.high) for name, e in found if e is not None]

    plots: list[Markup] = []
    right = rows(lambda a: a.pairwise.accuracy if a.pairwise else None)
    if right:
        ceiling = {"coin": 0.5}
        extent = figures.extent_of([0.5, *(r.low for r in right), *(r.value for r in right)], (0.4, 1.0))
        plot = figures.interval_chart(right, "accuracy by model", extent, share=True, reference=ceiling)
        plots.append(panel("Sides with the majority of the votes", plot))
    true = rows(lambda a: a.truth.accuracy if a.truth else None)
    if true:
        extent = figures.extent_of([0.5, *(r.low for r in true), *(r.value for r in true)], (0.4, 1.0))
        label = "accuracy against the whole population, by model"
        plot = figures.interval_chart(true, label, extent, share=True, reference={"coin": 0.5})
        plots.append(panel("Sides with the whole population", plot))
    near = rows(lambda a: a.crowd.wasserstein if a.crowd else None)
    if near:
        average = chapter.average_distance
        reference = {} if average is None else {"always the average opinion": average}
        top = figures.extent_of([*(r.high for r in near), *(r.value for r in near), average], (0.0, 0.1))
        plot = figures.interval_chart(
            near, "distance to the ratings, by model", (0.0, 1.1 * top[1]), reference=reference
        )
        plots.append(panel("Distance to what people said, in labels", plot))
    return [figure("Side by side.", words.side_by_side_caption(bool(true), bool(near)), plots)] if plots else []


# — reliability —


def _reliability(chapter: Chapter, prefix: str) -> Markup | None:
    number = chapter.numbers
    plots, rows = [], []
    for name, one in chapter.assessments.items():
        scores = one.pairwise
        if scores is None:
            continue
        label = f"reliability of {name}: what it says against how the votes fall"
        noise = "" if scores.ece_noise is None else f", noise alone {100 * scores.ece_noise:.1f}"
        heading = f"{name}: off by {100 * scores.ece.value:.1f} points{noise}"
        plots.append(panel(heading, figures.reliability_chart(scores.calibration, number[name], label), number[name]))
        rows += [
            (name, f"{b.confidence:.3f}", f"{b.share:.3f}", f"{b.votes:g}", f"{b.pairs}") for b in scores.calibration
        ]
    if not plots:
        return None
    header = ("model", "how sure", "share of votes that agree", "votes", "pairs")
    numbers = table(header, rows, "points of the reliability diagrams")
    return _section(prefix, "reliability", figure("Reliability.", words.RELIABILITY_CAPTION, plots, numbers))


# — groups of people and data —


def _parts(chapter: Chapter, prefix: str) -> Markup | None:
    shown: list[Markup] = []
    boards = [board for board in scoreboard(chapter.assessments) if not _compares(board)] if chapter.assessments else []
    of_kind = {
        "domain": {name: one.domains for name, one in chapter.assessments.items()},
        "criterion": {name: one.criteria for name, one in chapter.assessments.items()},
    }
    drawn = [_part_figure(chapter, kind, parts) for kind, parts in of_kind.items()]
    shown += [part for part in drawn if part is not None]
    people = _people_figure(chapter)
    boards = [board for board in boards if "annotator" not in board.header]
    shown += [_board(board) for board in boards]
    if people is not None:
        shown.append(people)
    meanings = _columns(boards)
    if meanings is not None:
        shown.append(meanings)
    return _section(prefix, "parts", *shown) if shown else None


def _part_figure(chapter: Chapter, kind: str, parts: Mapping[str, Mapping[str, PairwiseScores]]) -> Markup | None:
    number = chapter.numbers
    votes: dict[str, float] = {}
    for scores in parts.values():
        for part, one in scores.items():
            votes[part] = max(votes.get(part, 0.0), one.votes)
    plots = []
    for part in sorted(votes, key=lambda name: -votes[name])[:_MOST_PARTS]:
        found = [(name, scores[part].accuracy) for name, scores in parts.items() if part in scores]
        rows = [Row(name, number[name], e.value, e.low, e.high) for name, e in found if e is not None]
        if rows:
            extent = figures.extent_of([*(r.low for r in rows), *(r.value for r in rows)], (0.4, 1.0))
            label = f"accuracy in the {kind} {part}"
            plots.append(panel(part, figures.interval_chart(rows, label, extent, share=True, reference={"coin": 0.5})))
    return figure(f"By {kind}.", words.PART_CAPTION, plots) if plots else None


def _people_figure(chapter: Chapter) -> Markup | None:
    number = chapter.numbers
    swarms, rows = {}, []
    for name, one in chapter.assessments.items():
        scored = [(a, a.accuracy) for a in one.annotators if a.accuracy]
        if scored:
            every = -(-len(scored) // _MOST_ANNOTATORS)  # from the best to the worst
            scored = scored[::every]
            swarms[number[name]] = (name, [(a.annotator, accuracy.value) for a, accuracy in scored])
            rows += [
                (a.annotator, name, f"{accuracy.value:.3f}", f"{a.votes:g}", f"{a.log_loss:.3f}")
                for a, accuracy in scored
            ]
    if not swarms:
        return None
    plot = figures.swarm_chart(swarms, "accuracy by annotator", "sides with this person")
    minimum = max(one.minimum_votes for one in chapter.assessments.values())
    header = ("annotator", "model", "accuracy", "votes", "log loss")
    numbers = table(header, rows, "accuracy by annotator")
    return figure("By person.", words.people_caption(minimum), [panel("Annotators", plot)], numbers)


def _tradeoff(chapter: Chapter, prefix: str) -> Markup | None:
    plots, rows, places = [], [], []
    for at, run in enumerate(chapter.runs):
        found = run.tradeoff
        if found is None:
            continue
        trained = [_place(point) for point in found.points if point.alpha is None]
        mixed = [_place(point) for point in found.points if point.alpha is not None]
        places += [_place_row(found.domain, point) for point in found.points]
        paths = [("in training", trained), *([("a mixture", mixed)] if mixed else [])]
        label = f"domain accuracy of {found.domain} over general accuracy"
        drawn = figures.frontier_chart(paths, _place(found.recommended), at, label)
        plots.append(panel(found.domain, drawn, at))
        stages = {"general model": found.before, "recommended": found.after, "at the end": found.last}
        rows += [
            (found.domain, stage, *map(words.interval, (s.domain, s.mean, s.gained, s.lost)))
            for stage, s in stages.items()
        ]
    if not plots:
        return None
    header = ("domain", "model", "domain accuracy", "general accuracy", "gained", "lost")
    tested = table(header, rows, "on data that chose nothing", sortable=False)
    columns = ("domain", "step of the training", "share of it in the mixture", "domain accuracy", "general accuracy")
    paths_in_numbers = table(columns, places, "points of the paths")
    return _section(
        prefix, "tradeoff", figure("Gained and lost.", words.TRADEOFF_CAPTION, plots, paths_in_numbers), tested
    )


def _place_row(domain: str, point: Point) -> tuple[str, ...]:
    share = "–" if point.alpha is None else f"{point.alpha:g}"
    general, special = _place(point)
    return domain, f"{point.step}", share, f"{special:.3f}", f"{general:.3f}"


def _place(point: Point) -> tuple[float, float]:
    return point.scores.mean.value, point.scores.domain.value


def _listed(name: str, make: Callable[[Chapter], list[Markup]]) -> _Section:
    """A section of what is shown of a chapter, if there is any."""

    def draw(chapter: Chapter, prefix: str) -> Markup | None:
        shown = make(chapter)
        return _section(prefix, name, *shown) if shown else None

    return draw


_SECTIONS: tuple[tuple[str, str, _Section], ...] = (
    ("summary", "In short", _summary),
    ("data", "What the data are", _data),
    ("models", "The models side by side", _side_by_side),
    ("preferences", "Preferences, prompt by prompt", _listed("preferences", prompt_sections.preferences)),
    ("opinions", "Opinions, prompt by prompt", _listed("opinions", prompt_sections.opinions)),
    ("reliability", "Can the probabilities be trusted?", _reliability),
    ("parts", "For whom it works", _parts),
    ("tradeoff", "What customising gains and loses", _tradeoff),
    ("people", "Who differs from whom", _listed("people", people_sections.people)),
    ("likes", "What each cluster likes", _listed("likes", people_sections.likes)),
    ("compromise", "One answer for all", _listed("compromise", people_sections.compromise)),
    ("won", "What the policies gain", _listed("won", policy_sections.won)),
    ("game", "The policies against each other", _listed("game", policy_sections.games)),
    ("answers", "Answers before and after", _listed("answers", policy_sections.answers)),
    ("training", "How the models were trained", _training),
)
