"""What columns mean is said in one place."""

from __future__ import annotations

import html
import re

from tests.reporting.conftest import knowing, make_chapter, ordering

from polypref import simulate
from polypref.evaluation.catalogue import BY_NAME, METRICS
from polypref.evaluation.scoreboard import difference_board, scoreboard
from polypref.reporting import words
from polypref.reporting.page import render


def test_every_column_of_scores_has_a_meaning_and_every_meaning_a_column(report):
    extra = make_chapter(simulate("domains", 24, votes=20), {"knowing": knowing, "ordering": ordering}, "t")
    boards = [board for chapter in (*report.chapters, extra) for board in scoreboard(chapter.assessments)]
    boards.append(difference_board("knowing", extra.differences))
    names = {name for board in boards for name in board.header}
    unexplained = {name for board in boards for name in board.header if words.column(name, board.table) is None}
    assert unexplained <= {"model", "domain", "criterion", "annotator"}
    assert {*words.COLUMNS, *(metric.heading for metric in METRICS)} - names <= {
        "W1 of the constant",
        "groups",
        "comparisons",
        "balanced",
    }


def test_a_heading_of_two_tables_is_explained_for_each(report):
    page = render(report)
    explained = dict(re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", html.unescape(page)))
    for seen, true in (("accuracy", "true_accuracy"), ("wasserstein", "true_wasserstein")):
        heading = BY_NAME[true].heading
        assert explained[f"{heading}, against the simulated truth"] == BY_NAME[true].sentence
        others = [meaning for name, meaning in explained.items() if name.startswith(heading)]
        assert BY_NAME[seen].sentence in others
    assert explained["log loss"] == BY_NAME["log_loss"].sentence


def test_tables_of_people_and_parts_count_votes_and_score_preferences():
    assert words.column("votes", None) == "votes that the annotator gave"
    assert words.column("votes", "preferences") == BY_NAME["vote_accuracy"].sentence
    assert words.column("accuracy [95 %]", None) == BY_NAME["accuracy"].sentence
    assert words.column("W1 [95 %]", None) is None
