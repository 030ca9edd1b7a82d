"""The lines of the screen: exact sentences for made-up inspections."""

from __future__ import annotations

from dataclasses import replace

from tests.test_notebook import read

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


def test_conflicts_that_matter_are_shown_and_the_others_counted():
    seen = inspect_groups([Group("q", ("a", "bb"), [Comparison(0, 1)])])

    def said(*conflicts: Conflict) -> list[str]:
        lines = inspection_lines(replace(seen, conflicts=list(conflicts)))
        at = [heading for heading, _ in lines].index("Conflicts")
        return [text for heading, text in lines[at:] if heading in ("Conflicts", "")]

    observed = Conflict("domain", "x", "y", 0.7, 0.2, 0.6, 0.8, 1000, "observed")
    predicted = Conflict("domain", "x", "z", 0.5, 0.3, 0.4, 0.6, 9, "predicted", 0.1, 0.3)
    small = Conflict("domain", "y", "z", 0.32, 0.3, 0.31, 0.33, 9, "predicted", 0.01, 0.03)
    assert said(predicted, small, observed) == [
        "x against y: disagree on 70% [60%, 80%] of 1,000 pairs judged by both, 20% within one domain",
        "x against z: disagree on 50% [40%, 60%] of pairs, by their tastes for surface features, 30% within one domain",
        "between 1 other pair none that is clear and matters (5% of pairs beyond noise)",
    ]
    assert said(small) == ["between y and z none that is clear and matters (5% of pairs beyond noise)"]
    assert said(*[small] * 15) == [
        "between 15 pairs of domains none that is clear and matters (5% of pairs beyond noise)"
    ]
    assert said(*[observed] * 8)[-1] == "and 2 more conflicts"


def test_the_matrix_of_conflicts_is_symmetric():
    apart = Conflict("domain", "x", "y", 0.7, 0.2, 0.6, 0.8, 9, "observed")
    close = Conflict("domain", "y", "z", 0.4, None, 0, 1, 9, "observed")
    names, values, within = conflict_matrix([apart, close])
    assert names == ["x", "y", "z"]
    assert values == [[None, 0.7, None], [0.7, None, 0.4], [None, 0.4, None]]
    assert within == [[None, 0.2, None], [0.2, None, None], [None, None, None]]


def test_an_inspection_shows_its_screen_in_terminal_and_notebook():
    bad = "<script>x</script>"
    groups = [Group(f"q{k}", ("a", "bb"), [Comparison(0, 1, annotator=bad)], domain=bad) for k in range(3)]
    seen = inspect_groups(groups)
    first, *others = repr(seen).splitlines()
    assert first == f"Size       {lines(groups)['Size']}"
    assert len(others) == len(inspection_lines(seen)) + len(seen.reasons)
    assert any(line.startswith(f"Head       {seen.recommended_head}") for line in others)
    reader = read(seen._repr_html_())
    assert {name for name, _ in reader.tags} <= {"div", "p", "strong", "table", "tbody", "tr", "th", "td"}
    assert reader.text.startswith(f"InspectionSize{lines(groups)['Size']}")
    assert reader.text.endswith("".join(f"• {reason}" for reason in seen.reasons))
