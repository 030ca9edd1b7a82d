"""Greedy D-optimal design against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polypref.collection import design
from polypref.collection.design import informative_pairs, leverages


def pool(seed: int, responses: int, pairs: int, width: int):
    rng = np.random.default_rng(seed)
    states = rng.normal(size=(responses, width)).astype(np.float32)
    first = rng.integers(0, responses, pairs)
    second = (first + rng.integers(1, responses, pairs)) % responses
    return states, first, second, rng.uniform(0.05, 0.25, pairs)


def by_brute_force(states, first, second, weights, count, prior):
    """The determinant is computed for every candidate at every choice."""
    information, chosen = prior.copy(), []
    for _ in range(count):
        values = []
        for at in range(len(first)):
            d = states[first[at]].astype(float) - states[second[at]].astype(float)
            made = np.linalg.slogdet(information + weights[at] * np.outer(d, d))[1]
            values.append(-np.inf if at in chosen else made)
        best = int(np.argmax(values))
        d = states[first[best]].astype(float) - states[second[best]].astype(float)
        information = information + weights[best] * np.outer(d, d)
        chosen.append(best)
    return chosen, np.linalg.slogdet(information)[1]


@given(seed=st.integers(0, 10_000), pairs=st.integers(1, 300))
@settings(max_examples=25, deadline=None)
def test_each_choice_adds_most_to_the_determinant(seed, pairs):
    drawn = pool(seed, 30, pairs, 4)
    prior = 0.5 * np.eye(4)
    found = informative_pairs(*drawn, count=6, prior=prior)
    expected, determinant = by_brute_force(*drawn, count=min(6, pairs), prior=prior)
    assert len(set(found.pairs.tolist())) == len(found.pairs) == min(6, pairs)
    gained = 2 * found.gains.sum() + np.linalg.slogdet(prior)[1]
    assert gained == pytest.approx(determinant, abs=1e-9)  # equal pairs may be chosen in another order
    assert found.pairs.tolist() == expected or gained == pytest.approx(determinant, abs=1e-9)
    assert (np.diff(found.gains) <= 1e-12).all()


@pytest.mark.parametrize("kept", [1, 5, 40])
def test_few_kept_up_to_date_give_the_same_choices(monkeypatch, kept):
    drawn = pool(3, 50, 400, 5)
    expected = informative_pairs(*drawn, count=60, prior=np.eye(5))
    monkeypatch.setattr(design, "_HEAD", kept)
    found = informative_pairs(*drawn, count=60, prior=np.eye(5))
    assert found.pairs.tolist() == expected.pairs.tolist()
    assert found.gains == pytest.approx(expected.gains, abs=1e-12)


def test_at_most_so_many_of_a_group_and_the_best_of_those():
    drawn = pool(4, 30, 90, 4)
    group = np.repeat(np.arange(9), 10)
    found = informative_pairs(*drawn, count=18, prior=np.eye(4), group=group, per_group=2)
    assert np.bincount(group[found.pairs]).tolist() == [2] * 9
    free = informative_pairs(*drawn, count=1, prior=np.eye(4))
    assert found.pairs[0] == free.pairs[0]
    assert len(informative_pairs(*drawn, count=50, prior=np.eye(4), group=group, per_group=2).pairs) == 18


def test_one_direction_is_not_asked_twice_in_vain():
    states = np.array([[0, 0], [3, 0], [3, 0.1], [0, 1]], dtype=float)
    first, second = np.array([1, 2, 3]), np.array([0, 0, 0])
    found = informative_pairs(states, first, second, np.full(3, 0.25), 2, 0.01 * np.eye(2))
    assert found.pairs.tolist() == [1, 2]  # the third pair is shorter, and the only one to tell about the other axis


def test_leverage_by_hand():
    states, weights = np.array([[1.0, 2.0], [0.0, 0.0]]), np.array([0.25])
    found = leverages(states, np.array([0]), np.array([1]), weights, np.diag([1.0, 0.5]))
    assert found == pytest.approx([0.25 * (1 + 4 * 0.5)], rel=1e-14)
