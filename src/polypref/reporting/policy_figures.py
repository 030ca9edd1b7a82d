"""Figures of policies: what was measured of each after its iterations, as paths with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from polypref.markup import Markup, tag
from polypref.reporting.figures import Frame, extent_of, line, marker, model_group, number, svg, text
from polypref.statistics.resampling import Estimate


@dataclass(frozen=True, slots=True)
class Course:
    """The policies of a run, from before alignment to its last iteration."""

    name: str
    model: int
    places: Sequence[tuple[float, Estimate]]  # across and up


def course_chart(
    courses: Sequence[Course],
    label: str,
    x_label: str,
    y_label: str,
    *,
    share: bool = False,
    reference: float | None = None,
) -> Markup:
    """A line through the policies of each run, with intervals.

    The number of the iteration stands beside each policy, unless it is what goes across: then runs stand side by side.
    """
    ends = [end for course in courses for _, e in course.places for end in (e.low, e.high, e.value)]
    known = [value for value in (*ends, reference) if value is not None]
    low, high = min(known), max(known)
    pad = 0.08 * (high - low) or 0.05
    wide = extent_of([x for course in courses for x, _ in course.places], (0.0, 0.0))
    room = 0.06 * (wide[1] - wide[0]) or 1.0
    across = (wide[0] - room, wide[1] + room)
    frame = Frame(across, (low - pad, high + pad), height=240.0)
    counted = all(x == at for course in courses for at, (x, _) in enumerate(course.places))
    beside = {course.model: 7.0 * (at - (len(courses) - 1) / 2) for at, course in enumerate(courses)}
    parts = [frame.axes(x_label, y_label, percent="y" if share else "")]
    if reference is not None:
        y = frame.y(reference)
        parts.append(line((frame.left, y), (frame.width - frame.right, y), "reference"))
    for course in courses:
        x = [frame.x(value) + (beside[course.model] if counted else 0) for value, _ in course.places]
        points = " ".join(f"{left:.1f},{frame.y(e.value):.1f}" for left, (_, e) in zip(x, course.places))
        drawn = [tag("polyline", {"class": "line thin", "points": points})]
        for at, left in enumerate(x):
            said = "" if counted else f", {x_label} {number(course.places[at][0])}"
            drawn += _policy(frame, course, at, left, y_label, said, share)
            if not counted:
                drawn.append(text(str(at), (left + 7, frame.y(course.places[at][1].value) - 6), "tick"))
        parts.append(model_group(course.model, *drawn))
    return svg(frame.width, frame.height, label, *parts)


def _policy(frame: Frame, course: Course, at: int, x: float, y_label: str, said: str, share: bool) -> list[Markup]:
    """The mark of one policy at this place across, and its interval."""
    e, drawn, interval = course.places[at][1], list[Markup](), ""
    if e.low is not None and e.high is not None:
        drawn.append(line((x, frame.y(e.low)), (x, frame.y(e.high)), "whisker"))
        interval = f", 95 % interval {number(e.low, share)} to {number(e.high, share)}"
    where = f"after iteration {at}" if at else "before alignment"
    tip = f"{course.name} {where}: {y_label} {number(e.value, share)}{interval}{said}"
    return [*drawn, marker(course.model, (x, frame.y(e.value)), 4.5, tip)]
