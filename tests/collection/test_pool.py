"""What a pool holds: open pairs, judged ones with their votes added up, and their rows of the features."""

import numpy as np
import pytest

from polypref import Comparison, Group
from polypref.collection.pool import make_pool, open_pairs
from polypref.errors import PolyprefError


def test_a_pool_by_hand():
    first = Group("one", ["a", "b", "c"], [Comparison(2, 0, 1.0), Comparison(0, 2, 0.5, weight=3)])
    pool = make_pool([first, Group("two", ["d", "e"])], [np.arange(6.0).reshape(3, 2), np.full((2, 2), 9.0)])
    assert pool.starts.tolist() == [0, 3, 5]
    assert [pool.judged.group.tolist(), pool.judged.i.tolist(), pool.judged.j.tolist()] == [[0], [0], [2]]
    assert pool.shares == pytest.approx([1.5 / 4])
    assert pool.votes.tolist() == [4]
    assert [pool.open.group.tolist(), pool.open.first.tolist(), pool.open.second.tolist()] == [
        [0, 0, 1],
        [0, 1, 3],
        [1, 2, 4],
    ]
    assert pool.differences(pool.judged).tolist() == [[-4, -4]]


def test_equal_texts_need_no_judgment():
    assert list(open_pairs(Group("q", ["a", "b", "a"], [Comparison(1, 2)]))) == [(0, 1)]


def test_votes_make_a_utility_and_no_votes_make_none():
    seen = [np.array([[1.0], [0.0]])]
    judged = Group("q", ["a", "b"], [Comparison(0, 1, 1.0, weight=10)])
    assert make_pool([judged], seen).fit(1.0).weights[0] > 1
    assert make_pool([Group("q", ["a", "b"])], seen).fit(1.0).weights.tolist() == [0]


def test_features_must_fit():
    with pytest.raises(PolyprefError, match="1 groups with features of 2; expected as many"):
        make_pool([Group("q", ["a"])], [np.zeros((1, 2))] * 2)
