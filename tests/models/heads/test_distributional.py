"""The distributional head against sums over all label pairs, the crowd's own Beta posterior and SciPy."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from polypref.crowd import Beta
from polypref.models.heads import HeadError, make_head

concentrations = st.floats(np.log(0.01), np.log(1e3)).map(np.exp)


def raw(concentration):
    """The raw value of a concentration: softplus(raw) + 0.01."""
    x = np.asarray(concentration) - 0.01
    return x + np.log(-np.expm1(-x))


def test_categorical_distributions_are_the_softmax_and_utilities_expected_labels():
    head = make_head("distributional", labels=(1, 2, 5))
    z = np.array([[0.0, 1.0, -1.0], [2.0, 2.0, 2.0]])
    p = special.softmax(z, axis=-1)
    states = torch.from_numpy(z)
    np.testing.assert_allclose(head.distributions(states), p)
    np.testing.assert_allclose(head.utilities(states), p @ [1, 2, 5])
    assert head.width == 3


@given(st.integers(2, 6), st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_log_odds_count_every_pair_of_labels_with_ties_for_half(d, seed):
    z = np.random.default_rng(seed).normal(size=(2, d))
    p, q = special.softmax(z, axis=-1)
    win = sum(p[i] * q[j] * (1.0 if i > j else 0.5 if i == j else 0.0) for i in range(d) for j in range(d))
    states = torch.from_numpy(z)
    log_odds = make_head("distributional", labels=tuple(range(d))).log_odds(states[0], states[1])
    assert log_odds.item() == pytest.approx(special.logit(win), abs=1e-12)


def test_log_odds_keep_their_digits_where_probabilities_do_not():
    head = make_head("distributional", labels=(0, 1))
    a, b = torch.tensor([0.0, 100.0]), torch.tensor([100.0, 0.0])
    # P(a < b) = e^−200, and ties 2·e^−100 count for half: P(b ≻ a) = e^−100
    assert head.log_odds(a, b).item() == pytest.approx(100)


@given(concentrations, concentrations, st.integers(2, 8))
@settings(max_examples=60, deadline=None)
def test_beta_distributions_are_those_of_the_crowd(a, b, d):
    a, b = a + 0.011, b + 0.011
    head = make_head("distributional", labels=tuple(range(d)), kind="beta")
    states = torch.tensor([raw(a), raw(b)], dtype=torch.float64)
    expected = Beta(np.array(a), np.array(b), np.zeros(()), np.zeros(())).categories(d)
    np.testing.assert_allclose(head.distributions(states), expected, rtol=1e-6, atol=1e-12)
    assert head.width == 2


def test_a_divided_crowd_is_u_shaped():
    head = make_head("distributional", labels=(1, 2, 3, 4, 5), kind="beta")
    p = head.distributions(torch.tensor([raw(0.1), raw(0.1)], dtype=torch.float64))
    assert p[0] == pytest.approx(p[4])
    assert p[0] > 0.3
    assert p[1:4].max() < 0.1


@pytest.mark.parametrize("settings", [{"labels": (1,)}, {"labels": (2, 1)}, {"labels": (1, 1)}, {"kind": "normal"}])
def test_settings_without_meaning_are_refused(settings):
    with pytest.raises(HeadError, match=next(iter(settings))):
        make_head("distributional", **settings)


def test_labels_may_come_as_a_list_as_in_json():
    assert make_head("distributional", labels=[1, 2]) == make_head("distributional", labels=(1.0, 2.0))
