"""The sections on runs of alignment: what their policies win, how they play against each other, what they answer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from polypref import choice
from polypref.alignment.measuring import Measured
from polypref.evaluation.policies import Versus
from polypref.evaluation.tournament import PolicyGame
from polypref.markup import Markup, cut, joined, tag
from polypref.reporting import figures, words
from polypref.reporting.contents import Answered, Chapter, PolicyRun
from polypref.reporting.figures import Row
from polypref.reporting.policy_figures import Course, course_chart
from polypref.reporting.tables import figure, panel, table
from polypref.statistics.resampling import Estimate


def won(chapter: Chapter) -> list[Markup]:
    """Win rates against distance to the policy before alignment, and what else changed."""
    if not chapter.policies:
        return []
    wins = [
        _chart(chapter, heading, _distance, value, "KL to the policy before alignment, nats", "win rate", 0.5)
        for heading, value in (
            ("Wins against the policy before", lambda one: one.versus and one.versus.win_rate),
            ("The same at equal lengths", lambda one: one.versus and one.versus.length_controlled),
        )
    ]
    texts = [
        _chart(chapter, heading, None, value, "iteration", label)
        for heading, label, value in (
            ("Length of answers", "characters", lambda one: one.texts.length),
            ("Variety of answers", "entropy, nats", lambda one: one.entropy),
        )
    ]
    rows = [_row(run, at, one) for run in chapter.policies for at, one in enumerate(run.measured)]
    numbers = table(words.POLICY_HEADER, rows, "on held-out prompts")
    won_figure = [figure("Won.", words.WON_CAPTION, [one for one in wins if one])] if any(wins) else []
    return [
        *won_figure,
        figure("Texts.", words.TEXTS_CAPTION, [one for one in texts if one]),
        numbers,
        _settings(chapter),
    ]


def games(chapter: Chapter) -> list[Markup]:
    """How the policies of each run play against each other."""
    shown = [_game(run.name, run.game, at) for at, run in enumerate(chapter.policies) if run.game is not None]
    return [tag("p", None, words.GAME_LEAD), tag("p", None, words.GAME_MEANING), *shown] if shown else []


def answers(chapter: Chapter) -> list[Markup]:
    """Held-out prompts with what was answered before and after, one at a time where scripts run."""
    articles = [
        _article(run.name, one, at, len(run.answers))
        for run in chapter.policies
        for at, one in enumerate(run.answers, 1)
    ]
    return [tag("p", None, words.ANSWERS_LEAD), tag("div", {"data-picker": "Prompt"}, *articles)] if articles else []


def _distance(one: Measured) -> float:
    return one.divergence.value


def _chart(
    chapter: Chapter,
    heading: str,
    across: Callable[[Measured], float] | None,
    up: Callable[[Measured], Estimate | None],
    x_label: str,
    y_label: str,
    reference: float | None = None,
) -> Markup | None:
    courses = []
    for model, run in enumerate(chapter.policies):
        found = [(across(one) if across else float(at), up(one)) for at, one in enumerate(run.measured)]
        places = [(x, estimate) for x, estimate in found if estimate is not None]
        if places:
            courses.append(Course(run.name, model, places))
    if not courses:
        return None
    label = f"{heading}, by run and iteration"
    drawn = course_chart(courses, label, x_label, y_label, share=reference is not None, reference=reference)
    return panel(heading, drawn)


def _row(run: PolicyRun, at: int, one: Measured) -> tuple[str, ...]:
    def wins(found: Versus | None) -> tuple[str, str]:
        return (
            ("–", "–") if found is None else (words.interval(found.win_rate), words.interval(found.length_controlled))
        )

    ended = "–" if one.texts.ended is None else f"{one.texts.ended:.0%}"
    return (
        run.name,
        str(at),
        *wins(one.versus),
        *wins(one.versus_last),
        words.interval(one.divergence),
        words.interval(one.entropy),
        f"{one.texts.length.value:,.0f}",
        f"{one.texts.distinct_1:.2f}",
        f"{one.texts.distinct_2:.2f}",
        ended,
        f"{one.texts.empty:.0%}",
    )


def _settings(chapter: Chapter) -> Markup:
    names = list(dict.fromkeys(name for run in chapter.runs for name in run.settings))
    rows = [(run.name, *(run.settings.get(name, "–") for name in names)) for run in chapter.runs]
    return table(("run", *(name.replace("_", " ") for name in names)), rows, "how the policies were aligned")


def _game(name: str, game: PolicyGame, model: int) -> Markup:
    short = figures.letters(len(game.policies))
    rates = game.rates()
    matrix = tuple(tuple(row) for row in np.round(rates, 4).tolist())
    cycles = choice.strongest_cycles(rates, top=1)
    cycle = cycles[0].members if cycles else ()
    called = [words.policy_name(policy) for policy in game.policies]
    plot = figures.heat_map(matrix, short, cycle, f"how often the policies of {name} win against each other")
    key = tag("p", {"class": "quiet small"}, " · ".join(f"{s} {cut(n, 24)}" for s, n in zip(short, called)))
    around = " ≻ ".join(short[k] for k in (*cycle, cycle[0])) if cycle else ""
    found = tag("p", {"class": "quiet small"}, f"cycle: {around}" if cycle else "no cycle")
    shares = [
        Row(f"{letter} {policy}", model, e.value, e.low, e.high)
        for letter, policy, e in zip(short, called, game.equilibrium)
    ]
    gaps = [
        Row(f"{letter} {policy}", model, e.value, e.low, e.high) for letter, policy, e in zip(short, called, game.gaps)
    ]
    plots = [
        panel("Wins of the row", joined(plot, key, found), model),
        panel("The equilibrium", figures.interval_chart(shares, f"equilibrium of {name}", (0.0, 1.0), share=True)),
        panel("Duality gap among the samples", figures.interval_chart(gaps, f"duality gaps of {name}", (0.0, 1.0))),
    ]
    header = ("policy", *(f"against {letter}" for letter in short), "share of the equilibrium", "duality gap")
    rows = [
        (f"{letter} {policy}", *map(words.interval, won), words.interval(share), words.interval(gap))
        for letter, policy, won, share, gap in zip(short, called, game.win_rates, game.equilibrium, game.gaps)
    ]
    numbers = table(
        header, rows, f"{name}: how often the policy of the row wins, on {game.prompts:,} prompts", sortable=False
    )
    return figure(f"{name}.", f"Judged on {game.prompts:,} prompts.", plots, numbers)


def _article(run: str, one: Answered, number: int, of: int) -> Markup:
    start = cut(" ".join(one.prompt.split()), 60)
    heading = tag("h4", {"dir": "auto"}, f"{run}, {number} of {of}: {start}")
    prompt = tag("blockquote", {"dir": "auto", "class": "prompt-text"}, one.prompt)
    sides = tag(
        "div", {"class": "sides"}, _side("Before alignment", one.before), _side("After the last iteration", one.after)
    )
    return tag("article", {"class": "prompt", "data-name": f"{run}: {start}"}, heading, prompt, sides)


def _side(title: str, texts: tuple[str, ...]) -> Markup:
    items = [
        tag("blockquote", {"dir": "auto"}, text) if text else tag("blockquote", {"class": "quiet"}, "no answer")
        for text in texts
    ]
    return tag("section", {"aria-label": title}, tag("h5", None, title), *items)
