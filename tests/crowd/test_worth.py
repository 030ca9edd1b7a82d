"""Means, quantiles and tails of opinions, against sums over people and numerical integrals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from polypref.crowd.worth import expected_label, label_quantile, lower_tail, normal_lower_tail, normal_quantile

LABELS = (1.0, 2.0, 5.0)


def test_numbers_by_hand() -> None:
    opinion = [0.2, 0.3, 0.5]
    assert expected_label(opinion, LABELS) == pytest.approx(0.2 + 0.6 + 2.5)
    assert label_quantile(opinion, LABELS, 0.2) == 1
    assert label_quantile(opinion, LABELS, 0.21) == 2
    assert label_quantile(opinion, LABELS, 0.5) == 2
    assert label_quantile(opinion, LABELS, 1.0) == 5
    assert lower_tail(opinion, LABELS, 0.1) == 1
    assert lower_tail(opinion, LABELS, 0.4) == pytest.approx((0.2 * 1 + 0.2 * 2) / 0.4)
    assert lower_tail(opinion, LABELS, 1.0) == pytest.approx(expected_label(opinion, LABELS))


@given(st.lists(st.integers(1, 6), min_size=1, max_size=40), st.data())
def test_a_tail_is_the_mean_of_the_people_at_its_end(votes: list[int], data: st.DataObject) -> None:
    least = data.draw(st.integers(1, len(votes)))
    opinion = np.bincount(votes, minlength=7)[1:] / len(votes)
    told = sorted(votes)
    share = least / len(votes)
    assert lower_tail(opinion, range(1, 7), share) == pytest.approx(np.mean(told[:least]))
    assert label_quantile(opinion, range(1, 7), share) == told[least - 1]


def test_many_responses_at_once_and_one_at_a_time() -> None:
    opinions = np.random.default_rng(0).dirichlet([0.5] * 3, size=(4, 2))
    for read in (lower_tail, label_quantile):
        together = read(opinions, LABELS, 0.3)
        assert together.shape == (4, 2)
        assert together[1, 1] == read(opinions[1, 1], LABELS, 0.3)


@pytest.mark.parametrize("share", [0.05, 0.25, 0.9])
def test_a_normal_tail_is_its_integral(share: float) -> None:
    edge = norm.ppf(share, 2, 3)
    integral = quad(lambda x: x * norm.pdf(x, 2, 3), -np.inf, edge)[0] / share
    assert normal_quantile(2, 3, share) == pytest.approx(edge)
    assert normal_lower_tail(2, 3, share) == pytest.approx(integral)


def test_a_share_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="share is 0"):
        lower_tail([1.0], [1.0], 0)
