"""What a guide says of samples, against the formulas written out and the simpler methods they contain."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from polypref.alignment.guidance import advantages, block_advantages, check_reward, leads
from polypref.errors import PolyprefError
from polypref.models.answer import StateAnswer
from polypref.models.heads import make_head

CYCLE = np.array([[0.0, 2.0, -1.0], [-2.0, 0.0, 3.0], [1.0, -3.0, 0.0]])


def answer_of(head, rows) -> StateAnswer:
    return StateAnswer(head, torch.tensor(rows, dtype=torch.float32), len(rows))


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=9).filter(lambda r: np.std(r) > 1e-3))
def test_the_advantages_of_utilities_are_those_of_grpo(rewards) -> None:
    r = np.array(rewards)
    np.testing.assert_allclose(advantages(r[:, None] - r), (r - r.mean()) / r.std(ddof=1), rtol=1e-9, atol=1e-9)


def test_the_advantages_of_a_cycle_by_hand() -> None:
    spread = np.sqrt(2 * (4 + 1 + 9) / (2 * 3 * 2))
    np.testing.assert_allclose(advantages(CYCLE), np.array([1, 1, -2]) / 3 / spread)
    even = np.array([[0, 1, -1], [-1, 0, 1], [1, -1, 0]]) * 5.0
    even[0, 1], even[1, 0] = 5.001, -5.001  # what is left of a cycle stays small
    assert np.abs(advantages(even)).max() < 1e-3


@given(st.integers(2, 7), st.integers(0, 1000), st.floats(0.01, 100))
def test_advantages_sum_to_nothing_and_know_no_units(k, seed, unit) -> None:
    d = np.random.default_rng(seed).normal(size=(k, k))
    d -= d.T
    assert advantages(d).sum() == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(advantages(unit * d), advantages(d), rtol=1e-9, atol=1e-12)


def test_equal_samples_and_single_ones_have_no_advantage() -> None:
    assert advantages(np.zeros((4, 4))).tolist() == [0] * 4
    assert advantages(np.zeros((1, 1))).tolist() == [0]


@pytest.mark.parametrize(
    ("head", "width", "blocks"),
    [
        (make_head("general", dim=6), 6, 3),
        (make_head("general", dim=6, gate=True, normalize=True), 9, 3),
        (make_head("hybrid", dim=4), 5, 3),
        (make_head("hybrid", dim=4, gate=True), 7, 3),
        (make_head("scalar"), 1, 1),
    ],
)
def test_blocks_add_up_to_the_log_odds(head, width, blocks) -> None:
    said = answer_of(head, np.random.default_rng(1).normal(size=(5, width)))
    weights, parts = said.blocks
    assert weights.shape == (blocks,)
    assert parts.shape == (blocks, 5, 5)
    np.testing.assert_allclose(parts.sum(axis=0), said.log_odds, atol=1e-12)
    np.testing.assert_allclose(parts, -parts.transpose(0, 2, 1), atol=1e-12)


def test_a_small_block_counts_as_much_as_a_large_one() -> None:
    v = np.zeros((3, 4))
    v[:, :2] = [[100, 1], [200, 1], [0, 1]]  # the first block: utilities 100, 200, 0
    v[:, 2:] = [[3, 1], [1, 1], [2, 1]]  # the second: 3, 1, 2
    made, shares = block_advantages(answer_of(make_head("general", dim=4), v))
    np.testing.assert_allclose(made, np.array([0, 1, -1]) + np.array([1, -1, 0]), atol=1e-6)
    assert shares[0] == pytest.approx(1 - 6 / 60006)
    only, _ = block_advantages(answer_of(make_head("general", dim=4), v), [0, 2])
    np.testing.assert_allclose(only, [2, -2, 0], atol=1e-6)
    with pytest.raises(PolyprefError, match="3 multipliers for a general head of 2 blocks"):
        block_advantages(answer_of(make_head("general", dim=4), v), [1, 1, 1])


def test_a_tail_is_for_those_who_are_badly_served_and_the_mean_is_for_all() -> None:
    head = make_head("distributional", labels=(1, 2, 3))
    divided, dull = [0.4, 1e-9, 0.6], [1e-9, 1.0, 1e-9]
    said = answer_of(head, np.log([divided, dull]))
    assert leads(said, "expected")[0, 1] == pytest.approx(0.2, abs=1e-6)
    assert leads(said, "tail", 0.25)[0, 1] == pytest.approx(-1.0, abs=1e-6)
    assert leads(said, "quantile", 0.5)[0, 1] == pytest.approx(1.0)


def test_a_spread_is_a_crowd_too() -> None:
    said = answer_of(make_head("gaussian"), [[1.0, 3.0], [0.5, -3.0]])  # a higher mean with a wider spread
    assert leads(said, "expected")[0, 1] == pytest.approx(0.5)
    assert leads(said, "tail", 0.25)[0, 1] < -1
    assert leads(said, "quantile", 0.5)[0, 1] == pytest.approx(0.5)


def test_the_other_rewards() -> None:
    v = np.array([[1.0, 0.0], [-0.5, 0.75**0.5], [-0.5, -(0.75**0.5)]])
    said = answer_of(make_head("general", dim=2), v)
    np.testing.assert_allclose(leads(said, "log-odds"), said.log_odds)
    np.testing.assert_allclose(leads(said, "win-rate"), said.preferences - 0.5, atol=1e-12)
    np.testing.assert_allclose(leads(said, "lottery"), np.zeros((3, 3)), atol=1e-6)


@pytest.mark.parametrize(
    ("reward", "head", "words"),
    [
        ("loglods", make_head("scalar"), "unknown reward 'loglods'; known are log-odds"),
        ("tail", make_head("general"), "a general head does not know how a crowd is divided"),
        ("expected", make_head("general"), "gives a response no utility of its own"),
        ("blocks", make_head("pair"), "has no blocks"),
    ],
)
def test_what_a_head_cannot_say_is_refused(reward, head, words) -> None:
    with pytest.raises(PolyprefError, match=words):
        check_reward(reward, head)


def test_the_highest_quantile_of_a_normal_crowd_is_refused() -> None:
    with pytest.raises(PolyprefError, match="nobody who likes a response most"):
        check_reward("quantile", make_head("gaussian"), 1.0)
    check_reward("tail", make_head("gaussian"), 1.0)
    check_reward("quantile", make_head("gaussian"), 0.99)
