"""The pair head: both orders of a pair count alike, and a single response has no utility."""

from __future__ import annotations

import pytest
import torch

from polypref.models.heads import HeadError, make_head

HEAD = make_head("pair")


def test_log_odds_are_half_the_difference_of_both_orders_by_hand():
    first, second = torch.tensor([[1.0], [0.25]]), torch.tensor([[-0.5], [0.25]])
    assert HEAD.log_odds(first, second).tolist() == [0.75, 0.0]
    assert HEAD.log_odds(second, first).tolist() == [-0.75, 0.0]


def test_it_reads_pairs_and_has_no_utility_of_one_response():
    assert (HEAD.joint, HEAD.width) == (True, 1)
    with pytest.raises(HeadError, match="a single one has no utility of its own"):
        HEAD.utilities(torch.zeros(2, 1))
