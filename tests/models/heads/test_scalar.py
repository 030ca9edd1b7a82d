"""The scalar head: Bradley–Terry probabilities by hand, and its temperature."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from polypref.models.heads import HeadError, make_head

STATES = torch.tensor([[2.0], [1.0], [-1.0]], dtype=torch.float64)


def test_preferences_are_those_of_differences_by_hand():
    head = make_head("scalar")
    assert head.width == 1
    assert head.utilities(STATES).tolist() == [2, 1, -1]
    P = head.preferences(STATES)
    assert P[0, 1] == pytest.approx(np.e / (1 + np.e))
    assert P[2, 0] == pytest.approx(1 / (1 + np.e**3))


def test_a_temperature_divides_log_odds_and_leaves_utilities():
    head = make_head("scalar", temperature=2.0)
    assert head.log_odds(STATES[0], STATES[2]).item() == pytest.approx(1.5)
    assert head.utilities(STATES).tolist() == [2, 1, -1]


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_a_temperature_is_above_0(temperature):
    with pytest.raises(HeadError, match=r"temperature is .*; it must be above 0"):
        make_head("scalar", temperature=temperature)
