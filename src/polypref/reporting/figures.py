"""The figures of a report as SVG: drawn here, so that they are there without scripts and on paper.

Models are numbered. Colours come from the style sheet (classes m0 to m7; the ninth model has the colour of the first,
but another shape), and no figure tells models apart by colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from polypref.evaluation.calibration import CalibrationBin
from polypref.markup import Attribute, Markup, cut, joined, tag
from polypref.reporting.contents import Matrix

MOST_IN_GRAPH = 8  # responses; arrows between more cannot be followed
COLOURS = 8  # in the style sheet
WIDTH = 330.0  # of every figure, so that a narrow window shows it in its natural size
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """A plotting area: from values to places."""

    x_range: Point
    y_range: Point
    width: float = WIDTH
    height: float = 210.0
    left: float = 56.0
    right: float = 20.0
    top: float = 12.0
    bottom: float = 38.0

    def x(self, value: float) -> float:
        return self.left + _share(value, self.x_range) * (self.width - self.left - self.right)

    def y(self, value: float) -> float:
        return self.height - self.bottom - _share(value, self.y_range) * (self.height - self.top - self.bottom)

    def axes(self, x_label: str, y_label: str, *, percent: str = "") -> Markup:
        """Grid lines, numbers and names of both axes; `percent` names those that show shares ("x", "y", "xy")."""
        parts: list[Markup] = []
        for tick in ticks(*self.y_range):
            y = self.y(tick)
            parts.append(line((self.left, y), (self.width - self.right, y), "grid"))
            parts.append(text(number(tick, "y" in percent), (self.left - 6, y + 4), "tick end"))
        for tick in ticks(*self.x_range):
            parts.append(text(number(tick, "x" in percent), (self.x(tick), self.height - self.bottom + 16), "tick mid"))
        middle = (self.left + self.width - self.right) / 2
        parts.append(text(x_label, (middle, self.height - 5), "axis mid"))
        up = (self.top + self.height - self.bottom) / 2
        turned: dict[str, Attribute] = {"class": "axis mid", "transform": f"translate(11 {up:.1f}) rotate(-90)"}
        parts.append(tag("text", turned, y_label))
        return joined(*parts)


@dataclass(frozen=True, slots=True)
class Curve:
    """A line through points, of the model with this number."""

    name: str
    model: int
    points: Sequence[Point]
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A value with its interval."""

    label: str
    model: int
    value: float
    low: float | None = None
    high: float | None = None


def curve_chart(curves: Sequence[Curve], label: str, y_label: str, *, share: bool = False) -> Markup:
    """Values by training step."""
    values = [value for curve in curves for _, value in curve.points if math.isfinite(value)]
    steps = [step for curve in curves for step, _ in curve.points]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    pad = 0.06 * (high - low) or 0.05
    bottom, top = (max(low - pad, 0.0), min(high + pad, 1.0)) if share else (low - pad, high + pad)
    frame = Frame((0.0, max(steps, default=1.0)), (bottom, top))
    parts = [frame.axes("training step", y_label, percent="y" if share else "")]
    for curve in curves:
        known = [(step, value) for step, value in curve.points if math.isfinite(value)]
        drawn: list[Markup] = []
        if len(known) > 1:
            path = _path((frame.x(step), frame.y(value)) for step, value in known)
            drawn.append(tag("polyline", {"class": "line dashed" if curve.dashed else "line", "points": path}))
        for step, value in known:
            tip = f"{curve.name}, step {step:g}: {number(value, share)}"
            drawn.append(marker(curve.model, (frame.x(step), frame.y(value)), 3.2 if len(known) <= 60 else 1.6, tip))
        parts.append(model_group(curve.model, *drawn))
    return svg(frame.width, frame.height, label, *parts)


def interval_chart(
    rows: Sequence[Row],
    label: str,
    extent: Point,
    *,
    share: bool = False,
    reference: Mapping[str, float] | None = None,
) -> Markup:
    """A row for each value: its name, its number, and below them the value and its interval on a line."""
    height, head = 38.0, 6.0
    frame = Frame(extent, (0.0, 1.0), height=head + height * len(rows) + 36, left=20.0, right=22.0)
    parts: list[Markup] = []
    foot = head + height * len(rows) + 4
    for tick in ticks(*extent):
        parts.append(line((frame.x(tick), foot - 4), (frame.x(tick), foot), "grid"))
        parts.append(text(number(tick, share), (frame.x(tick), foot + 13), "tick mid"))
    for name, value in (reference or {}).items():
        if extent[0] <= value <= extent[1]:
            for at in range(len(rows)):  # beside the dots, not across the names
                y = head + height * at + 26
                parts.append(line((frame.x(value), y - 9), (frame.x(value), y + 9), "reference"))
            side = "end" if _share(value, extent) > 0.75 else "start" if _share(value, extent) < 0.25 else "mid"
            parts.append(text(name, (frame.x(value), foot + 28), f"tick {side}"))
    for at, row in enumerate(rows):
        top = head + height * at
        y = top + 26
        shown = number(row.value, share)
        interval = ""
        if row.low is not None and row.high is not None:
            interval = f", 95 % interval {number(row.low, share)} to {number(row.high, share)}"
        drawn = [text(cut(row.label, 34), (frame.left, top + 13), "row")]
        drawn.append(text(shown, (frame.width - frame.right, top + 13), "row end"))
        drawn.append(line((frame.x(extent[0]), y), (frame.x(extent[1]), y), "grid"))
        if row.low is not None and row.high is not None:
            ends = [(frame.x(min(max(end, extent[0]), extent[1])), y) for end in (row.low, row.high)]
            drawn.append(line(ends[0], ends[1], "interval"))
        place = (frame.x(min(max(row.value, extent[0]), extent[1])), y)
        drawn.append(marker(row.model, place, 5, f"{row.label}: {shown}{interval}"))
        parts.append(model_group(row.model, *drawn))
    return svg(frame.width, frame.height, label, *parts)


def reliability_chart(bins: Sequence[CalibrationBin], model: int, label: str) -> Markup:
    """What the model said against how the votes fell, from ½ to 1; the area of a point grows with its votes."""
    lowest = min([0.5, *(b.share for b in bins)])
    frame = Frame((0.5, 1.0), (math.floor(lowest * 10) / 10, 1.0), height=250.0)
    parts = [frame.axes("how sure the model is", "share of votes that agree", percent="xy")]
    parts.append(line((frame.x(0.5), frame.y(0.5)), (frame.x(1), frame.y(1)), "reference"))
    most = max((b.votes for b in bins), default=1.0)
    drawn = [line((frame.x(b.confidence), frame.y(b.share)), (frame.x(b.confidence), frame.y(b.confidence)), "gap")
             for b in bins]  # fmt: skip
    if len(bins) > 1:
        path = _path((frame.x(b.confidence), frame.y(b.share)) for b in bins)
        drawn.append(tag("polyline", {"class": "line thin", "points": path}))
    for b in bins:
        tip = f"said {b.confidence:.0%}, {b.share:.0%} of {b.votes:g} votes agreed"
        drawn.append(marker(model, (frame.x(b.confidence), frame.y(b.share)), 3 + 4 * math.sqrt(b.votes / most), tip))
    return svg(frame.width, frame.height, label, *parts, model_group(model, *drawn))


def heat_map(P: Matrix, names: Sequence[str], cycle: Sequence[int], label: str) -> Markup:
    """How often the response of the row is preferred to that of the column; the cycle's cells have a border."""
    k = len(P)
    side = min(44.0, (WIDTH - 34) / max(k, 1))
    left = top = 28.0
    around = set(zip(cycle, [*cycle[1:], *cycle[:1]]))
    parts: list[Markup] = []
    for i in range(k):
        parts.append(text(names[i], (left - 6, top + side * (i + 0.5) + 4), "row end"))
        parts.append(text(names[i], (left + side * (i + 0.5), top - 8), "row mid"))
        for j in range(k):
            x, y, p = left + side * j, top + side * i, P[i][j]
            square: dict[str, Attribute] = {"x": x + 1, "y": y + 1, "width": side - 2, "height": side - 2, "rx": 3.0}
            if i == j:
                parts.append(tag("rect", {**square, "class": "cell self"}))
                continue
            level = "none" if p is None else f"h{min(int(p * 11), 10)}"
            ring = " ring" if (i, j) in around else ""
            tip = f"{names[i]} against {names[j]}: " + ("never compared" if p is None else f"{p:.0%} prefer {names[i]}")
            inside = [tag("rect", {**square, "class": f"cell {level}{ring}", "data-tip": tip})]
            if side >= 22 and p is not None:
                inside.append(text(f"{100 * p:.0f}", (x + side / 2, y + side / 2 + 4), f"inside {level}"))
            parts.append(joined(*inside))
    return svg(left + side * k + 6, top + side * k + 6, label, *parts)


def majority_graph(P: Matrix, names: Sequence[str], cycle: Sequence[int], label: str) -> Markup:
    """An arrow from each response to those that a majority likes less; the cycle is drawn strong."""
    k, size, radius = len(P), 250.0, 17.0
    ring, centre = size / 2 - 32, size / 2
    angle = [-math.pi / 2 + 2 * math.pi * i / k for i in range(k)]
    place = [(centre + ring * math.cos(a), centre + ring * math.sin(a)) for a in angle]
    around = set(zip(cycle, [*cycle[1:], *cycle[:1]]))
    weak: list[Markup] = []
    strong: list[Markup] = []
    for i in range(k):
        for j in range(k):
            p = P[i][j]
            if i == j or p is None or p <= 0.5:
                continue
            kind = "strong" if (i, j) in around else "weak"
            tip = f"{p:.0%} prefer {names[i]} to {names[j]}"
            drawn = _arrow(place[i], place[j], radius + 2, kind, tip)
            (strong if kind == "strong" else weak).append(drawn)
            if kind == "strong":
                strong.append(text(f"{p:.0%}", _beside(place[i], place[j], centre), "edge mid"))
    nodes = [
        joined(tag("circle", {"class": "node", "cx": x, "cy": y, "r": radius}), text(name, (x, y + 5), "row mid"))
        for name, (x, y) in zip(names, place)
    ]
    foot = max(y for _, y in place) + radius + 12
    return svg(size, foot, label, *weak, *strong, *nodes)


def opinion_chart(
    labels: Sequence[float],
    observed: Sequence[float],
    predicted: Mapping[int, tuple[str, Sequence[float]]],
    truth: Sequence[float] | None,
    label: str,
) -> Markup:
    """Bars: what people said; lines: what models (by number, with name) predicted; rings: the whole population."""
    everything = [*observed, *(p for _, values in predicted.values() for p in values), *(truth or ())]
    top = min(1.0, max(0.2, *everything) * 1.06)
    frame = Frame((-0.5, len(labels) - 0.5), (0.0, top), height=170.0, bottom=34.0)
    parts: list[Markup] = []
    for tick in ticks(0.0, top):
        parts.append(line((frame.left, frame.y(tick)), (frame.width - frame.right, frame.y(tick)), "grid"))
        parts.append(text(number(tick, True), (frame.left - 6, frame.y(tick) + 4), "tick end"))
    half = 0.36 * (frame.x(1) - frame.x(0))
    every = math.ceil(len(labels) / 12)
    for at, (value, p) in enumerate(zip(labels, observed)):
        bar: dict[str, Attribute] = {
            "class": "bar",
            "x": frame.x(at) - half,
            "y": frame.y(p),
            "width": 2 * half,
            "height": frame.y(0) - frame.y(p),
            "data-tip": f"label {value:g}: {p:.0%} of the ratings",
        }
        parts.append(tag("rect", bar))
        if at % every == 0:
            parts.append(text(f"{value:g}", (frame.x(at), frame.height - 20), "tick mid"))
    parts.append(text("label", ((frame.left + frame.width) / 2, frame.height - 4), "axis mid"))
    for at, p in enumerate(truth or ()):
        tip = f"label {labels[at]:g}: {p:.0%} of the whole population"
        ring: dict[str, Attribute] = {"class": "truth", "cx": frame.x(at), "cy": frame.y(p), "r": 6, "data-tip": tip}
        parts.append(tag("circle", ring))
    for model, (name, values) in predicted.items():
        points = _path((frame.x(at), frame.y(p)) for at, p in enumerate(values))
        dots = [
            marker(model, (frame.x(at), frame.y(p)), 3.2, f"label {labels[at]:g}: {name} predicts {p:.0%}")
            for at, p in enumerate(values)
        ]
        parts.append(model_group(model, tag("polyline", {"class": "line", "points": points}), *dots))
    return svg(frame.width, frame.height, label, *parts)


def frontier_chart(paths: Sequence[tuple[str, Sequence[Point]]], chosen: Point, model: int, label: str) -> Markup:
    """Domain accuracy over general accuracy: paths of models (what they are, places), the chosen one in a ring."""
    places = [chosen, *(place for _, path in paths for place in path)]
    extents = []
    for values in ([x for x, _ in places], [y for _, y in places]):
        pad = 0.12 * (max(values) - min(values)) or 0.02
        extents.append((min(values) - pad, max(values) + pad))
    frame = Frame(extents[0], extents[1], height=250.0)
    drawn: list[Markup] = []
    for at, (name, path) in enumerate(paths):
        points = [(frame.x(x), frame.y(y)) for x, y in path]
        drawn.append(tag("polyline", {"class": "line dashed" if at else "line", "points": _path(points)}))
        for place, (x, y) in zip(points, path):
            tip = f"{name}: domain {number(y, True)}, general {number(x, True)}"
            drawn.append(marker(model, place, 3.2 if at else 4.2, tip))
    ring: dict[str, Attribute] = {"class": "truth", "cx": frame.x(chosen[0]), "cy": frame.y(chosen[1]), "r": 9}
    axes = frame.axes("general accuracy", "domain accuracy", percent="xy")
    return svg(frame.width, frame.height, label, axes, model_group(model, *drawn), tag("circle", ring))


def bar_chart(bars: Sequence[tuple[str, float, str]], label: str, x_label: str, y_label: str) -> Markup:
    """Shares by category: (name, share, what hovering says)."""
    top = min(1.0, max([0.1, *(share for _, share, _ in bars)]) * 1.08)
    frame = Frame((-0.5, len(bars) - 0.5), (0.0, top), height=180.0)
    parts: list[Markup] = []
    for tick in ticks(0.0, top):
        parts.append(line((frame.left, frame.y(tick)), (frame.width - frame.right, frame.y(tick)), "grid"))
        parts.append(text(number(tick, True), (frame.left - 6, frame.y(tick) + 4), "tick end"))
    half = 0.4 * (frame.x(1) - frame.x(0))
    every = math.ceil(len(bars) / 8)
    for at, (name, share, tip) in enumerate(bars):
        corner: dict[str, Attribute] = {"x": frame.x(at) - half, "y": frame.y(share), "width": 2 * half}
        parts.append(tag("rect", {"class": "bar", "data-tip": tip, **corner, "height": frame.y(0) - frame.y(share)}))
        if at % every == 0:
            parts.append(text(cut(name, 12), (frame.x(at), frame.height - 22), "tick mid"))
    up = (frame.top + frame.height - frame.bottom) / 2
    parts.append(text(x_label, ((frame.left + frame.width) / 2, frame.height - 5), "axis mid"))
    parts.append(tag("text", {"class": "axis mid", "transform": f"translate(11 {up:.1f}) rotate(-90)"}, y_label))
    return svg(frame.width, frame.height, label, *parts)


def svg(width: float, height: float, label: str, *children: Markup) -> Markup:
    """A figure that is one image to those who cannot see it."""
    attributes: dict[str, Attribute] = {
        "viewBox": f"0 0 {width:.0f} {height:.0f}",
        "width": round(width),
        "height": round(height),
        "role": "img",
        "aria-label": label,
    }
    return tag("svg", attributes, *children)


def model_group(model: int, *children: Markup) -> Markup:
    """What belongs to one model: it has its colour, and goes away when the reader hides the model."""
    return tag("g", {"class": coloured(model), "data-model": model}, *children)


def coloured(model: int) -> str:
    """The class that gives a model its colour."""
    return f"m{model % COLOURS}"


def marker(model: int, at: Point, r: float, tip: str | None = None) -> Markup:
    """A dot, square, triangle, diamond, … by the number of the model."""
    x, y = at
    shape = model % 5
    attributes: dict[str, Attribute] = {"class": "dot", "data-tip": tip}
    if shape == 0:
        return tag("circle", {**attributes, "cx": x, "cy": y, "r": r})
    if shape == 1:
        return tag("rect", {**attributes, "x": x - 0.9 * r, "y": y - 0.9 * r, "width": 1.8 * r, "height": 1.8 * r})
    corners: list[Point] = {
        2: [(0.0, -1.25), (1.15, 0.85), (-1.15, 0.85)],
        3: [(0.0, -1.35), (1.1, 0.0), (0.0, 1.35), (-1.1, 0.0)],
        4: [(0.0, 1.25), (1.15, -0.85), (-1.15, -0.85)],
    }[shape]
    points = _path((x + r * a, y + r * b) for a, b in corners)
    return tag("polygon", {**attributes, "points": points})


def line(start: Point, end: Point, kind: str) -> Markup:
    """A straight line."""
    return tag("line", {"class": kind, "x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]})


def text(words: str, at: Point, kind: str) -> Markup:
    """Words at a place."""
    return tag("text", {"class": kind, "x": at[0], "y": at[1]}, words)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers in a range, at most about `most` of them."""
    span = high - low
    if span <= 0:
        return [low]
    step = 10.0 ** math.floor(math.log10(span / most))
    step *= next(times for times in (1, 2, 5, 10) if span / (step * times) <= most)
    first = math.ceil(low / step - 1e-9)
    return [round(step * at, 10) for at in range(first, math.floor(high / step + 1e-9) + 1)]


def number(value: float, share: bool = False) -> str:
    """A number for people; a share is given in percent."""
    if share:
        return f"{100 * value:.3g}%"
    return f"{value:.3f}".rstrip("0").rstrip(".") if abs(value) < 100 else f"{value:,.0f}"


def letters(count: int) -> list[str]:
    """A, B, C, … for responses."""
    return [chr(65 + at) if at < 26 else f"{chr(65 + at // 26 - 1)}{chr(65 + at % 26)}" for at in range(count)]


def extent_of(values: Iterable[float | None], at_least: Point) -> Point:
    """A range that holds all values and this one."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    return min([at_least[0], *known]), max([at_least[1], *known])


def _arrow(start: Point, end: Point, gap: float, kind: str, tip: str) -> Markup:
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy) or 1.0
    ux, uy = dx / length, dy / length
    head = 10.0 if kind == "strong" else 7.0
    a = (start[0] + gap * ux, start[1] + gap * uy)
    tip_at = (end[0] - gap * ux, end[1] - gap * uy)
    neck = (tip_at[0] - head * ux, tip_at[1] - head * uy)
    corners = [tip_at, (neck[0] - 0.45 * head * uy, neck[1] + 0.45 * head * ux)]
    corners.append((neck[0] + 0.45 * head * uy, neck[1] - 0.45 * head * ux))
    pointed = tag("polygon", {"class": "head", "points": _path(corners)})
    return tag("g", {"class": kind, "data-tip": tip}, line(a, neck, "shaft"), pointed)


def _beside(start: Point, end: Point, centre: float) -> Point:
    """Where to write about an arrow: off its middle, away from the centre of the graph."""
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy) or 1.0
    across = (-dy / length, dx / length)
    side = 1.0 if across[0] * (x - centre) + across[1] * (y - centre) >= 0 else -1.0
    return x + 20 * side * across[0], y + 13 * side * across[1] + 4


def _path(points: Iterable[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _share(value: float, extent: Point) -> float:
    return (value - extent[0]) / ((extent[1] - extent[0]) or 1.0)


def swarm_chart(swarms: Mapping[int, tuple[str, Sequence[tuple[str, float]]]], label: str, x_label: str) -> Markup:
    """A dot for each member, by the number of the model, its name, and (member, share)."""
    head, height, low = 8.0, 62.0, 1.0
    for _, members in swarms.values():
        low = min([low, *(share for _, share in members)])
    extent = (math.floor(10 * low) / 10 if low < 1 else 0.9, 1.0)
    frame = Frame(extent, (0.0, 1.0), height=head + height * len(swarms) + 36, left=20.0, right=22.0)
    foot = head + height * len(swarms)
    parts: list[Markup] = []
    for tick in ticks(*extent):
        parts.append(line((frame.x(tick), head + 16), (frame.x(tick), foot), "grid"))
        parts.append(text(number(tick, True), (frame.x(tick), foot + 14), "tick mid"))
    parts.append(text(x_label, ((frame.left + frame.width) / 2, foot + 31), "axis mid"))
    for at, (model, (name, members)) in enumerate(swarms.items()):
        top, stacked = head + height * at, dict[int, int]()
        drawn = [text(cut(name, 40), (frame.left, top + 11), "row")]
        for member, share in sorted(members, key=lambda entry: entry[1]):
            column = round(frame.x(share) / 7)
            height_in = stacked[column] = stacked.get(column, -1) + 1
            away = (height_in + 1) // 2 * (1 if height_in % 2 else -1)
            place = (frame.x(share), top + 38 + 6.0 * max(-3, min(3, away)))
            drawn.append(marker(model, place, 3.2, f"{member}: {number(share, True)}"))
        parts.append(model_group(model, *drawn))
    return svg(frame.width, frame.height, label, *parts)
