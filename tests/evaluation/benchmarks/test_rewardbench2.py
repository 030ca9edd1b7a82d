"""RewardBench 2's scores, by hand."""

from __future__ import annotations

import math

import pytest
from tests.evaluation.benchmarks.cases import best_of_four, items, scored, values

from polypref import DataError


def test_rewardbench2_shares_a_win_among_ties(tmp_path):
    rows = [best_of_four("Math", 0), best_of_four("Math", 1), best_of_four("Focus", 2), best_of_four("Focus", 3)]
    groups = items("rewardbench2", rows, tmp_path)
    found = scored("rewardbench2", groups, [[3, 1, 2, 0], [1, 1, 0, 1], [0, 1, 2, 2], [2, 1, 2, 1]])
    assert values(found, "subsets") == pytest.approx({"Math": (1 + 1 / 3) / 2, "Focus": (0 + 1 / 2) / 2})
    assert values(found, "overall")["score"] == pytest.approx(((1 + 1 / 3) / 2 + 1 / 4) / 2)


def test_ties_by_hand(tmp_path):
    def row(ident: str, correct: int) -> dict:
        return {
            "prompt": ident,
            "chosen": ["yes"] * correct,
            "rejected": ["no", "nope"],
            "subset": "Ties",
            "id": ident,
        }

    groups = items("rewardbench2", [row("ref:1", 1), row("tied:1", 2), row("ref:2", 1), row("tied:2", 2)], tmp_path)
    found = scored("rewardbench2", groups, [[5, 1, 2], [4, 5, 1, 2], [3, 2, 0], [2, 6, 1, 0]])
    # tied:1 margin 4 − 2 = 2, spread 1, ref:1 margin 3; tied:2 margin 2 − 1 = 1, spread 4, ref:2 margin 1
    expected = 0.3 * 1 + 0.3 * 1 + 0.2 * 0.5 + 0.2 * 0.5
    expected += 0.01 * (math.tanh(2 / 1 - 1) + math.tanh(1 / 4 - 1)) / 2
    assert values(found, "subsets") == pytest.approx({"Ties": expected})
    level = scored("rewardbench2", groups, [[1, 0, 0], [2, 2, 0, 0], [0, 1, 0], [1, 1, 1, 1]])
    # pair 1: margins 1 and 2, spread 0, 1/0; pair 2: ref lost, tied margin 0 and spread 0, −1/0
    assert values(level, "subsets")["Ties"] == pytest.approx(0.3 * 0.5 + 0.3 * 0.5 + 0.2 * 0.5 + 0.2 * 0.5 + 0.01 * 0)


def test_items_of_the_wrong_shape_are_refused(tmp_path):
    with pytest.raises(DataError, match="expected one chosen response outside Ties, got 2"):
        items("rewardbench2", [{**best_of_four("Math", 0), "chosen": ["a", "b"]}], tmp_path)
    with pytest.raises(DataError, match="expected ref:n or tied:n in Ties, got '0'"):
        items("rewardbench2", [best_of_four("Ties", 0)], tmp_path)
    with pytest.raises(DataError, match="expected several correct answers"):
        items("rewardbench2", [{**best_of_four("Ties", 0), "id": "tied:3"}], tmp_path)
