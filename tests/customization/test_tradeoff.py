"""The recommendation follows its rule, and points are read as they were written."""

from __future__ import annotations

import pytest

from polypref.customization.measuring import Scores
from polypref.customization.tradeoff import Point, read_points, recommended, write_points
from polypref.statistics.resampling import Estimate


def at(step, domain, lost, alpha=None):
    """A point with these accuracies."""
    zero = Estimate(0.0)
    return Point(step, alpha, Scores(Estimate(domain), {"helpful": zero}, zero, zero, Estimate(lost)))


@pytest.mark.parametrize(
    ("most", "expected"),
    [(0.0, 3), (0.01, 2), (0.0499, 2), (0.05, 1), (1.0, 4)],
)
def test_the_best_domain_accuracy_that_loses_at_most_so_much(most, expected):
    points = [at(0, 0.5, 0.0), at(20, 0.8, 0.05), at(40, 0.7, 0.01), at(60, 0.6, -0.02), at(60, 0.9, 0.2, alpha=0.5)]
    assert recommended(points, most) == points[expected]


def test_the_general_model_is_recommended_if_all_else_loses_too_much():
    points = [at(0, 0.5, 0.0), at(20, 0.9, 0.02)]
    assert recommended(points, 0.01) == points[0]
    assert recommended([*points, at(40, 0.5, 0.0)], 0.01) == points[0]  # the first of equals


def test_points_are_read_as_they_were_written(tmp_path):
    scores = Scores(
        Estimate(0.75, 0.5, 1.0), {"helpful": Estimate(0.1 + 0.2), "harmless": Estimate(0.5, 0.25, None)},
        Estimate(0.4), Estimate(0.25, 0.0, 0.5), Estimate(-0.125, -0.25, 0.0),
    )  # fmt: skip
    assert read_points(tmp_path) == []
    points = [Point(0, None, scores), Point(20, 0.5, scores)]
    write_points(tmp_path, points)
    assert read_points(tmp_path) == points
