"""Figures of people: a map of tastes, and the way from what is best in the mean to what is best for the worst-off."""

from __future__ import annotations

from collections.abc import Sequence

from polypref.markup import Markup, tag
from polypref.reporting.contents import Compromise, Person
from polypref.reporting.figures import Frame, Point, coloured, marker, number, svg, text


def _padded(values: Sequence[float]) -> Point:
    low, high = min(values), max(values)
    room = 0.08 * (high - low) or 0.5
    return low - room, high + room


def taste_map(persons: Sequence[Person], clusters: int) -> Markup:
    """A mark for each person, by the colour and shape of their cluster."""
    across, up = zip(*(one.place for one in persons), strict=True)
    frame = Frame(_padded(across), _padded(up), height=300.0)
    parts = [frame.axes("first axis of tastes", "second axis")]
    size = 3.6 if len(persons) <= 150 else 2.2
    for k in range(clusters):
        marks = [
            marker(k, (frame.x(one.place[0]), frame.y(one.place[1])), size, _who(one))
            for one in persons
            if one.cluster == k
        ]
        parts.append(tag("g", {"class": coloured(k)}, *marks))
    return svg(frame.width, frame.height, "people by their tastes", *parts)


def _who(one: Person) -> str:
    return f"{one.name}: cluster {one.cluster + 1}, {one.votes:,} votes"


def cluster_legend(names: Sequence[str]) -> Markup:
    """Which colour and shape is which cluster's."""
    entries = [
        tag("li", {"class": coloured(k)}, svg(14, 14, "", marker(k, (7, 7), 5)), tag("span", None, name))
        for k, name in enumerate(names)
    ]
    return tag("ul", {"class": "legend", "aria-label": "clusters"}, *entries)


def compromise_chart(compromises: Sequence[Compromise]) -> Markup:
    """A path from the mean to the worst-off; α stands beside the places where it changes anything."""
    frame = Frame(_padded([one.mean for one in compromises]), _padded([one.worst for one in compromises]), height=240.0)
    places = [(frame.x(one.mean), frame.y(one.worst)) for one in compromises]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    drawn = [tag("polyline", {"class": "line thin", "points": points})]
    labelled: list[Point] = []
    for one, place in zip(compromises, places):
        tip = f"α = {alpha_name(one.alpha)}: mean {number(one.mean)}, worst-off {number(one.worst)}"
        drawn.append(marker(0, place, 4.5, tip))
        if all(abs(place[0] - x) + abs(place[1] - y) > 24 for x, y in labelled):
            inside = place[0] < frame.width - 70
            at = (place[0] + 7, place[1] - 6) if inside else (place[0] - 8, place[1] + 14)
            drawn.append(text(f"α = {alpha_name(one.alpha)}", at, "tick" if inside else "tick end"))
            labelled.append(place)
    label = "what one answer for all is worth, from the mean to the worst-off"
    axes = frame.axes("mean over people, log-odds", "the worst-off, log-odds")
    return svg(frame.width, frame.height, label, axes, tag("g", {"class": coloured(0)}, *drawn))


def alpha_name(alpha: float) -> str:
    """α for people."""
    return "−∞" if alpha == -float("inf") else f"{alpha:g}".replace("-", "−")
