"""CaPO by hand: win rates, fronts, and the table that meets all chosen targets; and the best with the worst."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import expit

from polypref.alignment import make_method, solve_table
from polypref.alignment.methods import MethodError
from polypref.alignment.methods.capo import between_fronts
from polypref.alignment.regression import Pairwise

#                  A  B  C   D   E: C is behind B and ahead of D and E, so it is on neither front
REWARDS = np.array([[2, 0, 0, -1, -2], [0, 2, 1, -1, 0.4]])
REFERENCE = np.array([0.3, 0.2, 0.2, 0.2, 0.1])
CHOSEN = ("AD", "AE", "BD", "BE")


def test_pairs_are_between_the_fronts() -> None:
    pairs = between_fronts(torch.tensor(REWARDS))
    names = {"ABCDE"[i] + "ABCDE"[j] for i, j in pairs.nonzero().tolist()}
    assert names == set(CHOSEN) | {pair[::-1] for pair in CHOSEN}


def test_many_equal_rewards_are_on_both_fronts() -> None:
    assert between_fronts(torch.ones(2, 3)).tolist() == (1 - np.eye(3)).tolist()


def test_the_table_has_the_calibrated_log_ratios() -> None:
    run = solve_table("capo", scores=np.zeros((5, 5)), rewards=REWARDS, reference=REFERENCE, beta=0.2, steps=3)
    rates = np.mean([[(REFERENCE * expit(r[i] - r)).sum() for i in range(5)] for r in REWARDS], axis=0)
    x = np.log(run.policy / REFERENCE)
    for pair in CHOSEN:
        i, j = ("ABCDE".index(letter) for letter in pair)
        assert x[i] - x[j] == pytest.approx((rates[i] - rates[j]) / 0.2)
    assert x[2] == pytest.approx(np.mean([x[0], x[1], x[3], x[4]]))  # of which nothing is learned


def test_one_reward_pairs_the_best_with_the_worst() -> None:
    assert between_fronts(torch.tensor([[3.0, 1, 2]])).nonzero().tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize("name", ["ipo", "dpo"])
def test_the_best_and_the_worst_alone_may_be_chosen(name) -> None:
    scores = np.array([[0.0, 1, 3], [-1, 0, 0.5], [-3, -0.5, 0]])
    run = solve_table(name, scores=scores, reference=[0.5, 0.3, 0.2], beta=0.5, steps=1, choose="best-worst")
    x = np.log(run.policy / [0.5, 0.3, 0.2])
    wanted = (expit(3) - 0.5) / 0.5 if name == "ipo" else 3 / 0.5
    assert x[0] - x[2] == pytest.approx(wanted)
    assert x[1] == pytest.approx((x[0] + x[2]) / 2)
    with pytest.raises(MethodError, match="choose is 'best', expected 'all' or 'best-worst'"):
        make_method(name, choose="best")


def test_chosen_pairs_count_alone_in_the_loss() -> None:
    one, half = torch.ones(3, dtype=torch.double), torch.full((3,), 1 / 3, dtype=torch.double)
    target = torch.tensor([[0.0, 1, 2], [-1, 0, 9], [-2, -9, 0]], dtype=torch.double)
    pairs = torch.tensor([[0.0, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=torch.double)
    regression = Pairwise(anchor=0 * one, target=target, weight=half, pairs=pairs)
    assert float(regression.loss(torch.tensor([3.0, 0, 50], dtype=torch.double))) == pytest.approx((3 - 1) ** 2)
