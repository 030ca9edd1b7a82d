"""What a model says of a group, against what its head says of the same states by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from polypref import choice
from polypref.errors import PolyprefError
from polypref.models.answer import RULES, StateAnswer
from polypref.models.heads import make_head


def answer_of(rows: list[list[float]], head: str = "general", **settings: object) -> StateAnswer:
    made = make_head(head, **({"dim": len(rows[0])} if head == "general" else {}), **settings)
    return StateAnswer(made, torch.tensor(rows), len(rows))


CYCLE = [[1.0, 0.0], [-0.5, 0.75**0.5], [-0.5, -(0.75**0.5)]]  # three directions at equal angles: 0 ≻ 1 ≻ 2 ≻ 0


def test_all_that_is_said_follows_from_the_states() -> None:
    said = answer_of([[1.0, 2.0], [3.0, 4.0]])
    assert said.states.tolist() == [[1, 2], [3, 4]]
    assert said.log_odds.tolist() == [[0, -2], [2, 0]]  # 1·4 − 2·3
    np.testing.assert_allclose(said.preferences, expit([[0, -2], [2, 0]]), rtol=1e-15)
    assert said.utilities.tolist() == [-2, 2]
    assert said.distributions is None
    assert said.labels is None


def test_differences_of_large_products_keep_their_digits() -> None:
    """In single precision 4097² − 4096·4098 would be 0."""
    assert answer_of([[4097.0, 4096.0], [4098.0, 4097.0]]).log_odds[0, 1] == 1.0


@given(st.lists(st.lists(st.floats(-9, 9, width=32), min_size=4, max_size=4), min_size=1, max_size=5), st.randoms())
def test_an_answer_does_not_depend_on_the_order_of_the_responses(rows, random) -> None:
    order = list(range(len(rows)))
    random.shuffle(order)
    one, other = answer_of(rows), answer_of([rows[at] for at in order])
    np.testing.assert_allclose(one.log_odds[np.ix_(order, order)], other.log_odds, atol=1e-12)
    np.testing.assert_allclose(one.log_odds, -one.log_odds.T, atol=0)
    np.testing.assert_allclose(one.preferences + one.preferences.T, 1, atol=1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_scores_stand_behind_the_order(rule: str) -> None:
    said = answer_of([[0.0, 1.0], [2.0, 1.0], [1.0, 1.0]])  # v = (r, 1): Bradley–Terry
    ranking = said.ranking(rule)
    assert ranking.order == said.rank(rule) == [1, 2, 0]
    told = [ranking.scores[at] for at in ranking.order]
    assert sorted((score for score in told if score is not None), reverse=True) == [s for s in told if s is not None]
    assert (told.count(None), told[-1] is None) == ((1, True) if rule == "kemeny" else (0, False))


def test_numbers_of_each_rule() -> None:
    said = answer_of([[0.0, 1.0], [2.0, 1.0], [1.0, 1.0]])
    P = said.preferences
    assert said.ranking("borda").scores == pytest.approx(choice.borda_scores(P).tolist())
    assert said.ranking("copeland").scores == [0.0, 1.0, 0.5]
    assert said.ranking("lottery").scores == pytest.approx([0, 1, 0])
    assert said.ranking("kemeny").scores == [None, P[1, 2], P[2, 0]]
    assert said.ranking("utility").scores == said.utilities.tolist()


def test_a_cycle_has_an_even_lottery() -> None:
    assert answer_of(CYCLE).ranking("lottery").scores == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize("rule", RULES)
def test_one_response_alone_is_ranked_first(rule: str) -> None:
    assert answer_of([[1.0, 0.0]]).ranking(rule).order == [0]


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(PolyprefError, match="unknown rule 'best'; known are borda"):
        answer_of(CYCLE).rank("best")


def test_heads_that_read_two_together_say_nothing_of_one() -> None:
    said = StateAnswer(make_head("pair"), torch.tensor([[3.0], [1.0]]), 2)  # (0, 1) and (1, 0)
    assert said.log_odds.tolist() == [[0, 1], [-1, 0]]  # each pair is read in both orders
    assert said.utilities.tolist() == said.log_odds.sum(axis=1).tolist()
    with pytest.raises(PolyprefError, match="a pair head has no states of single responses"):
        _ = said.states
    with pytest.raises(PolyprefError, match="a pair head has no distributions"):
        said.opinions()
