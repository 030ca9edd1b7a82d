"""EM-DPO: what identifies a mixture, two camps on tables and with a language model, and the policy of least regret."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import Tensor

from polypref import Comparison, Group
from polypref.alignment.config import FitConfig
from polypref.alignment.em_dpo import (
    LanguagePolicies,
    TablePolicies,
    em_dpo,
    expected_members,
    fair_policy,
    policy_regrets,
    sampled_regrets,
    solve_rankings,
)
from polypref.alignment.rankings import Rankings, log_likelihood, read_rankings
from polypref.choice import least_regret
from polypref.errors import DataError
from polypref.models.causal import LanguageModel

PAIRS = torch.tensor([(0, 1), (0, 2), (1, 2)])
TRIPLES = torch.tensor(list(permutations(range(3))))
W = torch.tensor([[8.0, 4, 1], [1.0, 2, 8]], dtype=torch.double)  # e^u of two opposed camps, 8·e^−u the second


def said_by(worth: Tensor, sizes: Tensor, order: Tensor) -> Tensor:
    """How often each ranking is given, by one ranking of each person."""
    return sizes @ log_likelihood(worth, order).exp()


def test_pairs_alone_do_not_identify_a_mixture_and_rankings_of_three_do() -> None:
    half, one = torch.tensor([0.5, 0.5], dtype=torch.double), torch.ones(1, dtype=torch.double)
    others = torch.tensor([[4.0, 1, 2], [1.0, 4, 2]], dtype=torch.double).log()
    nobody = torch.zeros(1, 3, dtype=torch.double)
    mixtures = [(W.log(), half), (others, half), (nobody, one)]
    # two opposed camps of one size, two others, and a crowd without any taste: every pair is even
    for mixture in mixtures:
        np.testing.assert_allclose(said_by(*mixture, PAIRS), 0.5)
    # of any data of one pair each, all are equally likely
    data = torch.tensor([[0, 1], [2, 0], [1, 2], [0, 1], [2, 1]])
    likelihoods = [float(said_by(*mixture, data).log().sum()) for mixture in mixtures]
    assert likelihoods == pytest.approx([5 * np.log(0.5)] * 3)
    # rankings of three tell them apart, in nats per person
    p, q, even = (said_by(*mixture, TRIPLES) for mixture in mixtures)
    np.testing.assert_allclose([said.sum() for said in (p, q, even)], 1)
    assert float((p * (p / even).log()).sum()) > 0.05
    assert float((p * (p / q).log()).sum()) > 0.05


def voted(order_length: int, people: int, each: int, seed: int = 0) -> tuple[Rankings, np.ndarray, Tensor]:
    """People of two opposed camps who rank responses of `each` groups."""
    rng = np.random.default_rng(seed)
    groups, size = 6, 4
    worth = rng.normal(scale=1.5, size=(groups, size))
    worth = np.stack([worth, -worth])
    camp = (np.arange(people) % 3 == 0).astype(int)  # one third
    order = torch.full((groups, people, order_length), -1)
    person = torch.full((groups, people), -1)
    for u in range(people):
        for g in rng.choice(groups, each, replace=False):
            best = np.argsort(-(worth[camp[u], g] + rng.gumbel(size=size)))  # Plackett and Luce's
            kept = rng.choice(size, order_length, replace=False)
            order[g, u] = torch.tensor([r for r in best if r in kept])
            person[g, u] = u
    return Rankings(order, person, tuple(map(str, range(people)))), camp, torch.from_numpy(worth)


def test_two_camps_are_found_on_tables_from_one_ranking_each_group() -> None:
    rankings, camp, worth = voted(4, people=150, each=5)
    reference = torch.zeros(6, 4, dtype=torch.double)
    mixture, policies = solve_rankings(rankings, reference, 2, beta=2.0, restarts=3)
    assert (mixture.labels.numpy() == camp).mean() > 0.97
    assert mixture.sizes.tolist() == pytest.approx([2 / 3, 1 / 3], abs=0.03)
    assert (mixture.log_likelihood.diff() > -1e-4).all()
    utilities = 2.0 * policies.log_ratios()
    utilities = utilities - utilities.mean(-1, keepdim=True)
    expected = worth - worth.mean(-1, keepdim=True)
    assert np.corrcoef(utilities.flatten(), expected.flatten())[0, 1] > 0.95
    alone, _ = solve_rankings(rankings, reference, 1, beta=2.0)
    assert float(mixture.log_likelihood[-1]) > float(alone.log_likelihood[-1]) + 100


def test_the_first_step_by_hand() -> None:
    rankings = Rankings(torch.tensor([[[0, 1], [1, 0]]]), torch.tensor([[0, 1]]), ("ann", "bob"))
    ratios = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]], dtype=torch.double)
    members, value = expected_members(ratios, rankings, torch.tensor([0.75, 0.25], dtype=torch.double), 2.0)
    likely, unlikely = 1 / (1 + np.exp(-2)), 1 / (1 + np.exp(2))
    whole = [0.75 * likely + 0.25 * unlikely, 0.75 * unlikely + 0.25 * likely]
    np.testing.assert_allclose(members[:, 0], [0.75 * likely / whole[0], 0.75 * unlikely / whole[1]])
    assert float(value) == pytest.approx(np.log(whole).sum())


def test_regrets_by_hand_and_the_fair_policy_by_a_linear_programme() -> None:
    rng = np.random.default_rng(1)
    policies = torch.from_numpy(rng.dirichlet(np.ones(4), (3, 5)))  # [K, G, R]
    reference = torch.from_numpy(rng.dirichlet(np.ones(4), 5))
    R = policy_regrets(policies.log(), reference.log())
    for k in range(3):
        for s in range(3):
            ratio = (policies[k] / reference).log()
            by_hand = ((policies[k] - policies[s]) * ratio).sum(-1).mean()
            assert R[k, s] == pytest.approx(float(by_hand))
    assert (R.diagonal() == 0).all()
    shares, fair = fair_policy(policies.log(), reference.log())
    found = linprog([0, 0, 0, 1], np.column_stack([R, -np.ones(3)]), np.zeros(3), [[1, 1, 1, 0]], [1])
    assert (R @ shares).max() == pytest.approx(found.fun, abs=1e-8)
    np.testing.assert_allclose(fair, np.einsum("k,kgr->gr", shares, policies))


def test_opposed_camps_share_the_answers_whatever_their_sizes() -> None:
    log_policies = W.log().log_softmax(-1)[:, None]
    reference = torch.full((1, 3), 1 / 3, dtype=torch.double).log()
    shares, _ = fair_policy(log_policies, reference)
    assert shares.tolist() == pytest.approx([0.5, 0.5])
    rng = np.random.default_rng(0)
    drawn = np.stack([rng.choice(3, 20_000, p=policy.exp().numpy()[0]) for policy in log_policies])  # [S, n]
    ratios = (log_policies - reference)[:, 0].numpy()
    sampled = sampled_regrets(ratios[:, drawn])
    np.testing.assert_allclose(sampled, policy_regrets(log_policies, reference), atol=0.05)
    assert least_regret(sampled)[0].tolist() == pytest.approx([0.5, 0.5], abs=0.02)


def test_groups_of_different_sizes_stand_in_one_table() -> None:
    groups = [
        Group("?", ("a", "b", "c"), [Comparison(0, 1, annotator="ann"), Comparison(1, 2, annotator="ann")]),
        Group("!", ("x", "y"), [Comparison(1, 0, annotator="ann"), Comparison(0, 1, annotator="bob")]),
    ]
    reference = torch.tensor([[0.2, 0.3, 0.5], [0.5, 0.5, 0.0]], dtype=torch.double).log()
    policies = TablePolicies(read_rankings(groups), reference, 1.0)
    mixture = em_dpo(policies, policies.rankings, torch.full((2, 1), 1.0, dtype=torch.double), 3)
    assert torch.isfinite(mixture.log_likelihood).all()
    table = policies.log_policies.exp()
    assert float(table[0, 1, 2]) == 0
    np.testing.assert_allclose(table.sum(-1), 1)
    np.testing.assert_allclose(table[0, 1, :2], 0.5, atol=1e-6)  # one vote each way


@pytest.mark.slow
def test_language_models_learn_two_camps(tiny_lm) -> None:
    texts = ("red red", "blue blue", "green green")
    tastes = {"ann": (0, 2, 1), "bob": (0, 2, 1), "eve": (1, 2, 0), "joe": (1, 2, 0)}
    comparisons = [Comparison(*pair, annotator=name) for name, o in tastes.items() for pair in (o[:2], o[1:])]
    groups = [Group(f"Which of {at}?", texts, comparisons) for at in range(2)]
    models = [LanguageModel.from_pretrained(tiny_lm, max_length=64) for _ in range(2)]
    settings = FitConfig(learning_rate=3e-3, epochs=4, batch_size=2)
    rankings = read_rankings(groups)
    policies = LanguagePolicies(models, groups, rankings, beta=0.5, settings=settings)
    assert float(policies.log_ratios().abs().max()) == 0
    guess = torch.tensor([[0.6, 0.4], [0.5, 0.5], [0.45, 0.55], [0.5, 0.5]], dtype=torch.double)
    mixture = em_dpo(policies, rankings, guess, 6)
    assert mixture.members[:2, 0].min() > 0.9
    assert mixture.members[2:, 0].max() < 0.1
    ratios = policies.log_ratios()
    assert (ratios[0, :, 0] > ratios[0, :, 1]).all()
    assert (ratios[1, :, 0] < ratios[1, :, 1]).all()


@pytest.mark.parametrize(
    ("attempt", "match"),
    [
        (lambda r, ref: solve_rankings(r, ref, 3), "1 to 2 clusters"),
        (lambda r, ref: solve_rankings(r, ref, 1, beta=0), "beta above 0, got 0"),
        (lambda r, ref: TablePolicies(r, ref[:, :1], 1.0), "names response 1, and the reference has 1"),
        (lambda r, ref: TablePolicies(r, ref[0], 1.0), r"reference \[1 groups, R\]"),
        (lambda r, ref: em_dpo(TablePolicies(r, ref, 1.0), r, torch.ones(3, 1), 1), r"\[2 persons, K\]"),
        (lambda r, ref: em_dpo(TablePolicies(r, ref, 1.0), r, torch.ones(2, 1), 0), "at least one round"),
        (lambda r, ref: sampled_regrets(np.zeros((2, 3))), r"\[K, K, n\]"),
    ],
)
def test_what_cannot_be_fitted_is_refused(attempt, match) -> None:
    rankings = Rankings(torch.tensor([[[0, 1], [1, 0]]]), torch.tensor([[0, 1]]), ("ann", "bob"))
    with pytest.raises(DataError, match=match):
        attempt(rankings, torch.zeros(1, 2, dtype=torch.double))
