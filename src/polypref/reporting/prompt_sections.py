"""The sections that show prompts one by one: who is preferred to whom, and what the crowd thinks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from polypref.markup import Markup, cut, joined, tag
from polypref.reporting import figures, words
from polypref.reporting.contents import Chapter, Opinion, Preferences, Prompt
from polypref.reporting.tables import figure, folded, matrix_table, panel, table


def preferences(chapter: Chapter) -> list[Markup]:
    """Each prompt with what people and models prefer, as a matrix and as a graph of majorities."""
    if not chapter.preferences:
        return []
    number = chapter.numbers
    articles = [
        _article(prompt, at, len(chapter.preferences), _preference_figures(prompt, number))
        for at, prompt in enumerate(chapter.preferences, 1)
    ]
    lead = tag("p", None, words.PREFERENCES_LEAD)
    return [lead, tag("div", {"data-picker": "Prompt"}, *articles)]


def _article(prompt: Prompt, number: int, of: int, shown: Markup) -> Markup:
    start = cut(" ".join(prompt.text.split()), 60)
    heading = tag("h4", {"dir": "auto"}, f"{number} of {of}: {start}")
    why = tag("p", {"class": "quiet"}, f"Shown for: {', '.join(prompt.chosen)}.")
    sources = prompt.sources or (None,) * len(prompt.responses)
    items = [
        tag(
            "li",
            None,
            tag("b", None, letter, f" · {source}" if source else ""),
            tag("blockquote", {"dir": "auto"}, text),
        )
        for letter, text, source in zip(figures.letters(len(prompt.responses)), prompt.responses, sources)
    ]
    left = f"{prompt.left_out} responses with fewer votes are left out." if prompt.left_out else None
    texts = joined(
        tag("blockquote", {"dir": "auto", "class": "prompt-text"}, prompt.text),
        tag("ol", {"class": "responses"}, *items),
        tag("p", {"class": "quiet"}, left) if left else None,
    )
    opened = tag("details", {"open": True}, tag("summary", None, "The prompt and its responses"), texts)
    return tag(
        "article", {"class": "prompt", "data-name": f"{start} ({prompt.chosen[0]})"}, heading, why, opened, shown
    )


def _preference_figures(prompt: Prompt, number: Mapping[str, int]) -> Markup:
    names = figures.letters(len(prompt.responses))
    plots, tables = [], []
    for said in prompt.preferences:
        who = words.whose(said)
        cycle = said.verdict.cycle
        parts = [figures.heat_map(said.matrix, names, cycle, f"preferences of {who}")]
        if 3 <= len(names) <= figures.MOST_IN_GRAPH:
            parts.append(figures.majority_graph(said.matrix, names, cycle, f"majorities of {who}"))
        around = " ≻ ".join(names[k] for k in (*cycle, cycle[0])) if cycle else ""
        parts.append(tag("p", {"class": "quiet small"}, f"cycle: {around}" if cycle else "no cycle"))
        plots.append(panel(who, joined(*parts), None if said.model is None else number[said.model]))
        tables.append(matrix_table(said.matrix, names, f"preferences of {who}: share that prefers the row"))
    return joined(figure("Who is preferred to whom.", words.MATRIX_CAPTION, plots, *tables), _winners(prompt, names))


def _winners(prompt: Prompt, names: Sequence[str]) -> Markup:
    rules = prompt.preferences[0].verdict.winners
    rows = [(rule, *(_winner(said, rule, names) for said in prompt.preferences)) for rule in rules]
    header = ("rule", *(words.whose(said) for said in prompt.preferences))
    terms = [tag("div", None, tag("dt", None, rule), tag("dd", None, words.RULES[rule])) for rule in rules]
    meaning = folded("What the rules mean", tag("dl", {"class": "facts"}, *terms))
    return joined(table(header, rows, "winners under several rules", sortable=False), meaning)


def _winner(said: Preferences, rule: str, names: Sequence[str]) -> str:
    winners, lottery = said.verdict.winners[rule], said.verdict.lottery
    if winners is None:
        return "cannot be told"
    if not winners:
        return "nobody"
    if rule == "maximal lottery" and lottery is not None:
        return ", ".join(f"{names[k]} {lottery[k]:.0%}" for k in winners)
    return " = ".join(names[k] for k in winners)


def opinions(chapter: Chapter) -> list[Markup]:
    """Each prompt with the labels that people give its responses, beside what models foretell."""
    if not chapter.opinions:
        return []
    number = chapter.numbers
    articles = [
        _article(prompt, at, len(chapter.opinions), _opinion_figures(prompt, number))
        for at, prompt in enumerate(chapter.opinions, 1)
    ]
    lead = tag("p", None, words.OPINIONS_LEAD)
    return [lead, tag("div", {"data-picker": "Prompt"}, *articles)]


def _opinion_figures(prompt: Prompt, number: Mapping[str, int]) -> Markup:
    names = figures.letters(len(prompt.responses))
    plots, rows = [], []
    for opinion in prompt.opinions:
        name = names[opinion.response]
        predicted = {number[by]: (words.model_name(by), values) for by, values in opinion.predicted.items()}
        label = f"opinions of response {name}"
        plot = figures.opinion_chart(prompt.labels, opinion.observed, predicted, opinion.truth, label)
        plots.append(panel(f"{name}: {opinion.ratings:g} ratings", plot))
        rows += _opinion_rows(name, opinion)
    header = ("response", "whose opinion", *(f"{label:g}" for label in prompt.labels))
    numbers = table(header, rows, "share of each label", sortable=False)
    known = any(opinion.truth for opinion in prompt.opinions)
    return figure("What the crowd thinks.", words.opinion_caption(known), plots, numbers)


def _opinion_rows(name: str, opinion: Opinion) -> list[tuple[str, ...]]:
    values = [("ratings", opinion.observed)]
    values += [(words.model_name(by), shares) for by, shares in opinion.predicted.items()]
    if opinion.truth is not None:
        values.append(("whole population", opinion.truth))
    return [(name, by, *(f"{p:.0%}" for p in shares)) for by, shares in values]
