"""SePPO by hand: who wins, the density ratio that one step leads to, and that it ends at the winners' distribution."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from polypref.alignment import make_method, solve_table
from polypref.alignment.methods import Look, MethodError
from polypref.alignment.methods.seppo import winners

SCORES = np.log(np.array([[1, 3, 4], [1 / 3, 1, 1.5], [1 / 4, 1 / 1.5, 1]]))  # P = .75, .8, .6 above the diagonal
REFERENCE = np.array([0.5, 0.3, 0.2])
# 2·0.5·(0.25 + 0.225 + 0.16) = 0.635; 2·0.3·(0.125 + 0.15 + 0.12) = 0.237; 2·0.2·(0.1 + 0.12 + 0.1) = 0.128
WINNERS = np.array([0.635, 0.237, 0.128])


def test_the_winners_of_two_by_hand() -> None:
    shares = torch.from_numpy(1 / (1 + np.exp(-SCORES)))
    np.testing.assert_allclose(winners(torch.from_numpy(REFERENCE), shares), WINNERS)


def test_one_step_leads_to_the_density_ratio() -> None:
    one = solve_table("seppo", scores=SCORES, reference=REFERENCE, beta=1.0, steps=1)
    np.testing.assert_allclose(one.policy, WINNERS, atol=1e-9)
    half = solve_table("seppo", scores=SCORES, reference=REFERENCE, beta=2.0, steps=1).policy
    ratio = REFERENCE * (WINNERS / REFERENCE) ** 0.5
    np.testing.assert_allclose(half, ratio / ratio.sum(), atol=1e-9)


@pytest.mark.parametrize("past", [1, 3])
def test_it_ends_at_the_winners_whatever_earlier_policies_are_met(past: int) -> None:
    run = solve_table("seppo", scores=SCORES, reference=REFERENCE, beta=2.0, steps=200, past=past)
    np.testing.assert_allclose(run.policy, WINNERS, atol=1e-7)


def test_the_loss_of_two_samples_by_hand() -> None:
    even = torch.full((2,), 0.5, dtype=torch.double)
    S = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.double)
    zero = torch.zeros(2, dtype=torch.double)
    look = Look(
        iteration=1,
        weight=even,
        opponents=torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.double),
        log_odds=S,
        preferences=S.sigmoid(),
        reference=zero,
        history=(zero,),
    )
    p = float(torch.tensor(1.0).sigmoid())
    q = 0.25 + 0.5 * p  # 2·½·(½·½ + ½·p)
    found = make_method("seppo", beta=1.0).loss(torch.tensor([0.7, 0.0], dtype=torch.double), look)
    wanted = -(q * np.log(1 / (1 + np.exp(-0.7))) + (1 - q) * np.log(1 / (1 + np.exp(0.7))))
    assert float(found) == pytest.approx(wanted)


def test_a_past_of_none_is_refused() -> None:
    with pytest.raises(MethodError, match="expected past to be at least 1, got 0"):
        make_method("seppo", past=0)
