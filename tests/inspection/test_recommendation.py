"""The head that fits is recommended."""

from __future__ import annotations

import pytest
from tests.inspection.crowds import seen


@pytest.mark.parametrize(
    ("scenario", "head"),
    [
        ("consensus", "scalar"),
        ("divided", "distributional"),
        ("hidden-context", "distributional"),
        ("domains", "scalar"),
        ("cyclic", "general"),
    ],
)
def test_the_head_that_fits_is_recommended(scenario, head):
    assert seen(scenario).recommended_head == head
