"""Comparisons that ratings imply, by hand."""

from __future__ import annotations

import numpy as np

from polypref import Group, Rating
from polypref.groups.table import tabulate
from polypref.inspection.implied import implied_pairs


def test_neighbours_that_are_rated_differently_are_compared() -> None:
    ratings = [Rating(0, 1), Rating(0, 3), Rating(1, 3), Rating(2, 3), Rating(3, 1)]
    table = tabulate([Group("q", ("a", "b", "c", "d"), ratings=ratings), Group("r", ("e",), ratings=[Rating(0, 1)])])
    low, high, criterion, share = implied_pairs(table, np.full(len(table.label), -1))
    assert (low.tolist(), high.tolist()) == ([0, 2], [1, 3])  # equal ones and those of another group say nothing
    assert criterion.tolist() == [-1, -1]
    assert share.tolist() == [0.0, 1.0]


def test_criteria_are_not_mixed() -> None:
    table = tabulate([Group("q", ("a", "b"), ratings=[Rating(0, 1), Rating(1, 5)])])
    assert implied_pairs(table, np.array([0, 1]))[0].tolist() == []
    assert implied_pairs(table, np.array([1, 1]))[2].tolist() == [1]


def test_labels_without_order_imply_nothing() -> None:
    table = tabulate([Group("q", ("a", "b"), ratings=[Rating(0, "good"), Rating(1, "bad")])])
    assert [len(part) for part in implied_pairs(table, np.zeros(2, np.int64))] == [0, 0, 0, 0]
