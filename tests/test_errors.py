"""What the sentences of errors have in common."""

from __future__ import annotations

from polypref.errors import unknown


def test_of_an_unknown_name_the_nearest_is_asked_for_if_one_is_near():
    heads = {"scalar": 1, "general": 2}
    assert (
        unknown("head", "generl", heads) == "unknown head 'generl'; known are scalar, general; did you mean 'general'?"
    )
    assert unknown("head", "x", heads) == "unknown head 'x'; known are scalar, general"
