"""The lines of the screen: exact sentences for made-up inspections."""

from __future__ import annotations

from polypref import Comparison, Group, Rating, inspect_groups
from polypref.inspection.conflicts import Conflict
from polypref.inspection.screen import conflict_matrix, inspection_lines


def lines(groups) -> dict[str, str]:
    return dict(inspection_lines(inspect_groups(groups)))


def test_one_of_a_thing_is_singular():
    said = lines([Group("q", ("a", "bb"), [Comparison(0, 1, annotator="ann")])])
    assert said["Size"] == (
        "1 group of 2 responses, 1 different prompt · 2 responses of 1 to 2 (median 1.5) characters · 1 comparison · "
        "0 ratings · 1 named annotator"
    )
    assert said["Agreement"].startswith("cannot be measured: ")
    assert said["Length"].startswith("the longer response wins 0% [0%, ")


def test_ratings_are_not_wins():
    said = lines([Group(f"q{k}", ("a", "bb"), ratings=[Rating(0, 1), Rating(1, 2)]) for k in range(9)])
    assert said["Length"].startswith("the longer response is rated higher in 100% ")
    assert said["Labels"] == "1 █ 50%  2 █ 50%"


def test_times_are_dates_where_they_can_be():
    def drifting(start: float, step: float) -> list[Group]:
        return [
            Group(f"q{k}", ("a",), ratings=[Rating(0, 1 + 4 * (t >= 6), time=start + t * step) for t in range(10)])
            for k in range(20)
        ]

    assert "around time 6 " in lines(drifting(0, 1))["Drift"]
    assert "around 2023-11-" in lines(drifting(1.7e9, 3600))["Drift"]


def test_the_matrix_of_conflicts_is_symmetric():
    apart = Conflict("domain", "x", "y", 0.7, 0.2, 0.6, 0.8, 9, "observed")
    close = Conflict("domain", "y", "z", 0.4, None, 0, 1, 9, "observed")
    names, values, within = conflict_matrix([apart, close])
    assert names == ["x", "y", "z"]
    assert values == [[None, 0.7, None], [0.7, None, 0.4], [None, 0.4, None]]
    assert within == [[None, 0.2, None], [0.2, None, None], [None, None, None]]
