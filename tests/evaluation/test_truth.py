"""Errors against the truth of a simulated population, by hand; what is no truth is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from polypref import Group
from polypref.evaluation.truth import TruthErrors, true_matrix, true_utilities, truth_errors

TRUTH = [[0.5, 0.8, 0.5], [0.2, 0.5, 0.4], [0.5, 0.6, 0.5]]
SAID = np.array([[0.0, 0.2, 0.1], [-0.2, 0.0, 0.0], [-0.1, 0.0, 0.0]])  # margins: P − ½


def group(**truth: object) -> Group:
    return Group("q", ("a", "b", "c"), meta={"truth": truth})


def test_preferences_by_hand() -> None:
    found = TruthErrors(*truth_errors(group(preferences=TRUTH), SAID, None))
    assert found.pairs == 3
    assert found.preference_error == pytest.approx(0.1 + 0.1 + 0.1)
    assert found.decided == 2  # the population is even on the first and the third
    assert found.right == 1.5  # one side taken rightly, one left open
    assert (found.responses, found.wasserstein) == (0, 0)


def test_distributions_by_hand() -> None:
    rated = Group("q", ("a",), scale=(1, 2, 4), meta={"truth": {"distributions": [[0.0, 0.5, 0.5]]}})
    found = TruthErrors(*truth_errors(rated, None, (np.array([[1.0, 0.0, 0.0]]), (1.0, 2.0, 4.0))))
    assert (found.pairs, found.responses) == (0, 1)
    assert found.wasserstein == pytest.approx(0.5 * 1 + 0.5 * 3)


@pytest.mark.parametrize(
    "meta", [{}, {"truth": "none"}, {"truth": {"preferences": "x"}}, {"truth": {"preferences": [1]}}]
)
def test_what_is_no_truth_is_left_alone(meta: dict[str, object]) -> None:
    assert truth_errors(Group("q", ("a", "b", "c"), meta=meta), SAID, None) is None
    assert true_matrix(Group("q", ("a", "b", "c"), meta=meta), "preferences", (3, 3)) is None


def test_what_is_known_is_read() -> None:
    known = group(preferences=TRUTH, utilities=[1, 2, 3])
    np.testing.assert_array_equal(true_matrix(known, "preferences", (3, 3)), TRUTH)
    assert true_utilities(known).tolist() == [1, 2, 3]
    assert true_utilities(group(utilities=[1, np.nan, 3])) is None
