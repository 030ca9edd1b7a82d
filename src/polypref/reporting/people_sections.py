"""The sections on people: a map of tastes, what clusters like, and what one answer for all costs whom."""

from __future__ import annotations

from polypref.markup import Markup, cut, joined, tag
from polypref.reporting import figures, words
from polypref.reporting.contents import Chapter, Crowd, Liked
from polypref.reporting.figures import Row, coloured, extent_of
from polypref.reporting.people_figures import alpha_name, cluster_legend, compromise_chart, taste_map
from polypref.reporting.tables import figure, panel, table


def people(chapter: Chapter) -> list[Markup]:
    """The map of people and how well their votes are foretold."""
    crowd = chapter.crowd
    if crowd is None:
        return []
    names = [f"{name}: {one.people:,} persons, {one.share:.0%}" for name, one in zip(_names(crowd), crowd.clusters)]
    mapped = joined(taste_map(crowd.persons, len(names)), cluster_legend(names))
    told = [
        (one.name, str(one.cluster + 1), f"{one.votes:,}", *(f"{value:.2f}" for value in one.place))
        for one in crowd.persons
    ]
    tried = [(number, f"{loss:.4f}") for number, loss in crowd.log_losses.items()]
    rows = [Row(name, 0, e.value, e.low, e.high) for name, e in crowd.by_votes.items()]
    extent = extent_of([end for row in rows for end in (row.low, row.value, row.high)], (0.45, 0.7))
    chart = figures.interval_chart(rows, "accuracy by number of votes", extent, share=True, reference={"coin": 0.5})
    estimates = [(name, words.interval(e)) for name, e in crowd.by_votes.items()]
    caption = f"On the states of {crowd.model}. {words.MAP_CAPTION}"
    persons = table(("person", "cluster", "votes", "first axis", "second axis"), told, "people on the map")
    number = table(("clusters", "log-loss of held-out votes"), tried, "how many clusters there are")
    return [
        figure("The map.", caption, [panel("People by their tastes", mapped)], persons, number),
        figure(
            "Known by their votes.",
            words.BY_VOTES_CAPTION,
            [panel("Held-out votes foretold", chart)],
            table(("from at most", "accuracy"), estimates, "accuracy by number of votes"),
        ),
    ]


def likes(chapter: Chapter) -> list[Markup]:
    """Favourite and least-liked answers of each cluster, with their texts."""
    crowd = chapter.crowd
    if crowd is None:
        return []
    articles = [
        tag(
            "article",
            {"class": f"prompt {coloured(k)}", "data-name": name},
            tag("h4", None, f"{name}: {one.people:,} persons"),
            tag("div", {"class": "sides"}, _side("Likes most", one.favourites), _side("Likes least", one.least)),
        )
        for k, (name, one) in enumerate(zip(_names(crowd), crowd.clusters))
    ]
    return [tag("p", None, words.LIKES_LEAD), *articles]


def compromise(chapter: Chapter) -> list[Markup]:
    """From what is best in the mean to what is best for the worst-off."""
    crowd = chapter.crowd
    if crowd is None:
        return []
    rows = [(alpha_name(one.alpha), f"{one.mean:.3f}", f"{one.worst:.3f}") for one in crowd.compromises]
    numbers = table(("α", "mean over people", "worst-off"), rows, "answers chosen by Agg of α", sortable=False)
    plot = panel("From the mean to the worst-off", compromise_chart(crowd.compromises))
    return [figure("Agg of α.", words.COMPROMISE_CAPTION, [plot], numbers)]


def _names(crowd: Crowd) -> list[str]:
    return [f"cluster {k}" for k in range(1, len(crowd.clusters) + 1)]


def _side(title: str, liked: tuple[Liked, ...]) -> Markup:
    items = [
        joined(
            tag("p", {"class": "quiet small", "dir": "auto"}, cut(" ".join(one.prompt.split()), 120)),
            tag("blockquote", {"dir": "auto"}, one.text),
            tag("p", {"class": "quiet small"}, f"{_signed(one.within)} here, {_signed(one.elsewhere)} elsewhere"),
        )
        for one in liked
    ]
    return tag("section", {"aria-label": title}, tag("h5", None, title), *items)


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
