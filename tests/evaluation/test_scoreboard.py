"""The tables of an assessment: what stands in them, and what is said of empty cases."""

from __future__ import annotations

import numpy as np

from polypref import Comparison, Group, Rating
from polypref.evaluation.assessment import Assessment, assess
from polypref.evaluation.prediction import Prediction
from polypref.evaluation.scoreboard import difference_board, scoreboard
from polypref.statistics.comparing import Difference

GROUPS = [
    Group(
        f"q{k}",
        ("a", "b"),
        [Comparison(0, 1, p=1.0 if k % 4 else 0.0, annotator=f"ann-{k % 12:02d}", weight=20)],
        [Rating(0, 2), Rating(1, 1)],
        domain="even" if k % 2 == 0 else "odd",
        scale=(1, 2),
    )
    for k in range(48)
]


def model(p: float, groups=GROUPS) -> Assessment:
    prediction = Prediction(np.array([[0.5, p], [1 - p, 0.5]]), distributions=np.array([[0.25, 0.75], [0.75, 0.25]]))
    return assess((group, prediction) for group in groups)


def test_one_row_per_model_with_sizes_in_the_title():
    board = scoreboard({"good": model(0.75), "bad": model(0.25)})[0]
    assert board.title == "Preferences · 48 groups · 48 comparisons"
    assert board.header == ("model", "accuracy [95 %]", "votes", "ceiling", "log loss", "Brier", "ECE", "AUC")
    good, bad = (dict(zip(board.header, row)) for row in board.rows)
    assert good["model"] == "good"
    assert good["accuracy [95 %]"].startswith("0.750 [0.6")
    assert (good["votes"], good["ceiling"], good["log loss"], good["ECE"]) == ("0.750", "1.000", "0.562", "0.000")
    assert bad["votes"] == "0.250"
    assert board.notes == ()


def test_sizes_that_differ_are_columns():
    board = scoreboard({"all": model(0.75), "half": model(0.75, GROUPS[:24])})[0]
    assert board.title == "Preferences"
    assert [row[1:3] for row in board.rows] == [("48", "48"), ("24", "24")]


def test_crowds_domains_and_annotators_have_tables():
    boards = {board.title: board for board in scoreboard({"good": model(0.75)})}
    assert list(boards) == ["Preferences · 48 groups · 48 comparisons", "Crowds (in units of the labels)",
                            "Crowds, label by label", "Orders, lengths and cycles",
                            "Best of n (expected quality of the chosen response)",
                            "Worst parts", "Domains", "Annotators"]  # fmt: skip
    crowds = boards["Crowds (in units of the labels)"]
    assert crowds.header == ("model", "responses", "W1 [95 %]", "W1 of uniform", "error of the mean")
    assert crowds.rows == (("good", "96", "0.250 [0.25–0.25]", "0.500", "0.250 [0.25–0.25]"),)
    assert boards["Crowds, label by label"].rows == (("good", "0.250 [0.25–0.25]", "0.138"),)
    orders = boards["Orders, lengths and cycles"]
    assert orders.header == ("model", "τ [95 %]", "accuracy at like length", "longer wins")
    assert orders.rows[0][2:] == (boards["Preferences · 48 groups · 48 comparisons"].rows[0][1], "0.500")
    assert boards["Best of n (expected quality of the chosen response)"].rows == (
        ("good", "1.500 [1.50–1.50]", "2.000 [2.00–2.00]"),
        ("the best of n", "1.500", "2.000"),
    )
    assert [row[:3] for row in boards["Worst parts"].rows] == [
        ("domain", "good", "even"),
        ("annotator", "good", "ann-00"),
    ]
    domains = boards["Domains"]
    assert [row[:3] for row in domains.rows] == [("even", "good", "24"), ("odd", "good", "24")]
    annotators = boards["Annotators"]
    assert [row[1] for row in annotators.rows] == [f"ann-{k:02d}" for k in (1, 2, 3, 5, 6, 10, 11, 0, 4, 8)]
    assert annotators.notes == ("good: the best and the worst 5 of 12 annotators with 20 votes or more",)


def test_no_comparisons_is_said():
    (board,) = scoreboard({"m": assess([(Group("q", ("a",)), Prediction(np.array([[0.5]])))])})
    assert board.title == "Preferences · 1 group · 0 comparisons"
    assert board.rows == (("m",),)
    assert board.notes == ("no comparisons with evidence: nothing to measure accuracy and AUC on",)


def test_even_splits_are_said():
    split = [Group("s", ("a", "b"), [Comparison(0, 1, p=0.5)], scale=(1, 2))]
    (board, *_) = scoreboard({"m": model(0.75, split)})
    assert "accuracy [95 %]" not in board.header
    assert board.notes == ("no comparisons with evidence: nothing to measure accuracy and AUC on",)
    (board, *_) = scoreboard({"m": model(0.75, [*GROUPS, *split])})
    assert board.notes == ("accuracy and AUC leave out 1 of 49 pairs whose votes are split evenly",)


def test_comparisons_without_a_prediction_are_said():
    group = Group("q", ("a", "b"), [Comparison(0, 1)])
    found = assess([(group, Prediction()), (group, Prediction(utilities=np.zeros(2)))])
    assert scoreboard({"m": found})[0].notes == ("1 comparison without a prediction left out",)


def test_differences_are_signed_and_come_with_p_values():
    board = difference_board("first", {"second": {"log_loss": Difference(-0.1, -0.2, 0.05, 0.0301)}})
    assert board.title == "Differences from first"
    assert board.rows == (("second", "log loss", "-0.100 [-0.200 to +0.050]", "0.0301", "less than 0"),)


def test_differences_say_which_sign_is_better():
    names = ("accuracy", "log_loss", "brier", "kendall", "wasserstein", "preference_error", "true_accuracy")
    board = difference_board("first", {"second": {name: Difference(0.1, None, None, None) for name in names}})
    errors = {row[1] for row in board.rows if row[-1] == "less than 0"}
    assert errors == {"log loss", "brier", "wasserstein", "preference error"}
