"""Rankings: what is read of comparisons, how likely they are, and the fit of a table, each by another way."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from scipy.special import expit

from polypref import Comparison, Group
from polypref.alignment import solve_table
from polypref.alignment.rankings import Ranked, Rankings, log_likelihood, read_rankings
from polypref.errors import DataError, Undefined


def test_the_likelihood_of_a_ranking_is_that_of_choosing_the_best_of_what_is_left() -> None:
    u = torch.tensor([0.3, -1.0, 0.7, 0.1], dtype=torch.double)
    w = u.exp().numpy()
    found = log_likelihood(u, torch.tensor([[2, 0, 3], [1, 2, -1]]))
    by_hand = [w[2] / (w[2] + w[0] + w[3]) * w[0] / (w[0] + w[3]), w[1] / (w[1] + w[2])]
    np.testing.assert_allclose(found.exp(), by_hand)
    every = torch.tensor(list(permutations(range(4))))
    assert float(log_likelihood(u, every).exp().sum()) == pytest.approx(1)


def test_a_ranking_of_two_is_the_loss_of_dpo() -> None:
    reference = torch.tensor([-1.0, -2.0, -0.5], dtype=torch.double)
    policy = torch.tensor([-2.0, -1.0, -0.7], dtype=torch.double, requires_grad=True)
    ranked = Ranked(
        anchor=reference,
        target=torch.zeros(3),
        weight=torch.full((3,), 1 / 3),
        beta=0.4,
        order=torch.tensor([[1, 0], [2, 1]]),
        share=torch.tensor([1.0, 0.25], dtype=torch.double),
    )
    margin = [0.4 * (1.0 - (-1.0)), 0.4 * (-0.2 - 1.0)]  # β times differences of log-ratios −1, 1 and −0.2
    by_hand = -np.log(expit(margin[0])) - 0.25 * np.log(expit(margin[1]))
    loss = ranked.loss(policy)
    assert float(loss.detach()) == pytest.approx(by_hand)
    loss.backward()
    assert torch.isfinite(policy.grad).all()


def test_the_fit_of_a_table_is_dpo_of_shares_and_stationary() -> None:
    P = np.array([[0.5, 0.8, 0.6], [0.2, 0.5, 0.7], [0.4, 0.3, 0.5]])
    pairs = [(i, j) for i in range(3) for j in range(3) if i != j]
    reference = torch.tensor([0.5, 0.3, 0.2], dtype=torch.double).log()
    settings = {"target": torch.zeros(3), "weight": torch.full((3,), 1 / 3), "beta": 0.5}
    order, share = torch.tensor(pairs), torch.tensor([P[pair] for pair in pairs], dtype=torch.double)
    found = Ranked(anchor=reference, order=order, share=share, **settings).solution()
    even = solve_table("dpo", scores=np.log(P / P.T), beta=0.5, steps=1)  # a uniform reference weighs pairs alike
    expected = torch.log_softmax(reference + torch.from_numpy(np.log(even.policy)), -1)
    np.testing.assert_allclose(found, expected, atol=1e-5)

    order = torch.tensor([[0, 1, 2, 3], [3, 1, -1, -1], [2, 0, 3, -1], [1, 3, 0, 2]])
    share = torch.tensor([1.0, 0.7, 0.4, 2.0], dtype=torch.double)
    flat = torch.zeros(4, dtype=torch.double)
    ranked = Ranked(anchor=flat, order=order, share=share, **{**settings, "target": flat, "weight": flat + 0.25})
    policy = ranked.solution().requires_grad_()
    ranked.loss(policy).backward()
    np.testing.assert_allclose(policy.grad, 0, atol=1e-5)


def test_comparisons_that_make_one_order_are_a_ranking_and_others_stay_pairs() -> None:
    ordered = [Comparison(0, 2, annotator="ann"), Comparison(1, 0, annotator="ann"), Comparison(3, 2, 0.5, "ann")]
    circle = [Comparison(0, 1, annotator="bob"), Comparison(1, 2, annotator="bob"), Comparison(2, 0, annotator="bob")]
    apart = [Comparison(0, 1, annotator="eve"), Comparison(2, 3, p=0.0, annotator="eve"), Comparison(0, 1)]
    groups = [Group("?", tuple("abcd"), ordered + circle + apart), Group("!", ("x", "y"), [Comparison(1, 0, 1, "ann")])]
    found = read_rankings(groups)
    assert found.names == ("ann", "bob", "eve")
    said = {(found.names[p], *(r for r in o if r >= 0)) for p, o in zip(found.person[0], found.order[0].tolist())}
    assert said == {("ann", 1, 0, 2), ("bob", 0, 1), ("bob", 1, 2), ("bob", 2, 0), ("eve", 0, 1), ("eve", 3, 2)}
    assert found.order[1, 0].tolist() == [1, 0, -1]
    assert found.person[1].tolist() == [0] + [-1] * 5


def test_values_go_to_persons_and_back() -> None:
    rankings = Rankings(torch.zeros(2, 2, 2, dtype=torch.long), torch.tensor([[0, 1], [1, -1]]), ("ann", "bob"))
    assert rankings.by_person(torch.tensor([[1.0, 2.0], [4.0, 8.0]])).tolist() == [1, 6]
    assert rankings.of_persons(torch.tensor([3.0, 5.0])).tolist() == [[3, 5], [5, 0]]


def test_what_ranks_nothing_is_refused() -> None:
    with pytest.raises(Undefined, match="nobody who is named prefers"):
        read_rankings([Group("?", ("a", "b"), [Comparison(0, 1), Comparison(0, 1, 0.5, "ann")])])
    with pytest.raises(DataError, match=r"expected orders \[G, n, m\]"):
        Rankings(torch.zeros(2, 2), torch.zeros(2), ())
