"""Columns of judgments: what fits together is converted, and what does not is refused by its name."""

from __future__ import annotations

import numpy as np
import pytest

from polypref.crowd._arrays import column, identify, indices, numbers, weights
from polypref.errors import DataError


def test_what_fits_is_converted() -> None:
    assert numbers([True, False], "p").tolist() == [1.0, 0.0]
    assert indices([0, 2], "label", 3).dtype == np.int64
    assert indices([], "label", 3).tolist() == []
    assert weights(None, 2).tolist() == [1.0, 1.0]
    distinct, code = identify(["b", "a", "b"], "item")
    assert (distinct.tolist(), code.tolist()) == (["a", "b"], [1, 0, 1])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: column([[1]], "p"), r"field p: expected one entry per judgment, got an array of shape \(1, 1\)"),
        (lambda: column([1], "p", 2), "field p: expected 2 entries, one per judgment, got 1"),
        (lambda: column([np.inf], "p"), "field p: expected finite numbers, got NaN or infinity"),
        (lambda: numbers(["a"], "p"), "field p: expected numbers, got <U1"),
        (lambda: indices([0.5], "label", 3), "field label: expected whole numbers from 0, got float64"),
        (lambda: indices([3], "label", 3), "field label: expected whole numbers from 0 to 2, got 3 to 3"),
        (lambda: indices([-1], "label", None), "field label: expected whole numbers from 0, got -1 to -1"),
        (lambda: weights([-1], 1), "field weight: expected numbers of votes, none negative, got -1"),
        (lambda: identify(np.array([1, "a"], object), "item"), "field item: expected identifiers of one kind"),
    ],
)
def test_what_does_not_fit_is_refused(call, said) -> None:
    with pytest.raises(DataError, match=said):
        call()
