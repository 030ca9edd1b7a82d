"""What stands at the head of a report."""

from __future__ import annotations

from tests.reporting.conftest import knowing, make_chapter

from polypref import simulate
from polypref.reporting.contents import headline


def test_headline_numbers_are_those_of_the_assessment():
    chapter = make_chapter(simulate("cyclic", 15, seed=1), {"knowing": knowing}, "t")
    found = headline(chapter.assessments["knowing"])
    assert found["true_accuracy"] == 1.0
    assert found["wasserstein"] is None
