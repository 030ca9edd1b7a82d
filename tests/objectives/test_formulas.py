"""Losses against numbers worked out with NumPy and SciPy."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import special, stats

from polypref import Comparison, Group, Rating, load_groups
from polypref.choice import (
    borda_scores,
    copeland_scores,
    hodge_decomposition,
    observed_log_odds,
    preference_matrix,
)
from polypref.models.heads import make_head
from polypref.objectives import collate, group_judgments, make_objective


def batch_of(*comparisons, responses=3):
    """One group with these comparisons, in double precision."""
    group = Group("p", [f"answer {k}" for k in range(responses)], comparisons)
    return collate([group_judgments(group)], [responses], dtype=torch.float64)


def column(*values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


def bernoulli(p, q):
    """Cross-entropy of a share p against a probability q."""
    return -(p * np.log(q) + (1 - p) * np.log1p(-q))


def test_a_hard_vote_costs_minus_log_sigma_of_the_difference_exactly():
    chosen, rejected = torch.randn(50, dtype=torch.float64), torch.randn(50, dtype=torch.float64)
    states = torch.stack([chosen, rejected], dim=1).reshape(-1, 1)
    pairs = [Group("p", ["a", "b"], [Comparison(0, 1)]) for _ in chosen]
    batch = collate([group_judgments(pair) for pair in pairs], [2] * 50, dtype=torch.float64)
    losses, weights = make_objective("logistic").losses(make_head("scalar"), states, batch)
    torch.testing.assert_close(losses, -torch.nn.functional.logsigmoid(chosen - rejected), rtol=1e-14, atol=0)
    assert weights.tolist() == [1] * 50


def test_a_stated_margin_is_asked_of_the_difference():
    # TRL: −log σ(r_chosen − r_rejected − margin)
    states = column(0.3, 1.0, -0.5)
    batch = batch_of(Comparison(1, 0, margin=2.0), Comparison(2, 1, 0.0, margin=0.5))
    losses, _ = make_objective("logistic", margin=1.0).losses(make_head("scalar"), states, batch)
    expected = [-np.log(special.expit(1.0 - 0.3 - 2.0)), -np.log(special.expit(1.0 + 0.5 - 0.5))]
    np.testing.assert_allclose(losses, expected, rtol=1e-12)


def test_a_share_of_votes_costs_its_cross_entropy_times_its_votes():
    states, batch = column(0.3, 1.0, -0.5), batch_of(Comparison(0, 1, 0.8, weight=5), Comparison(2, 0, 0.25, weight=4))
    losses, weights = make_objective("logistic").losses(make_head("scalar", temperature=2), states, batch)
    expected = [bernoulli(0.8, special.expit(-0.35)), bernoulli(0.75, special.expit(0.4))]
    np.testing.assert_allclose(losses, expected, rtol=1e-12)
    assert weights.tolist() == [5, 4]


@pytest.mark.parametrize("name", ["logistic", "log-odds"])
def test_equal_scores_teach_nothing_and_people_who_say_equal_do(name):
    # METHODS §4: the mean over pairs with q_i ≠ q_j
    answers = ["it is so", "it is not", "who knows"]
    row = {"text": [f"Human: Is it? Assistant: {a}".replace(" Assistant", "\n\nAssistant") for a in answers]}
    (scored,) = load_groups([{**row, "score": [2.0, 2.0, 1.0]}])
    assert [c.p for c in scored.comparisons] == [0.5, 1, 1]  # the tie is kept in the data
    said = replace(scored, comparisons=(Comparison(0, 1, 0.5), *scored.comparisons[1:]))
    without = replace(scored, comparisons=scored.comparisons[1:])

    def loss(group):
        batch = collate([group_judgments(group)], [3], dtype=torch.float64)
        losses, weights = make_objective(name).losses(make_head("scalar"), column(0.3, -0.2, -1.0), batch)
        return float((weights * losses).sum() / weights.sum())

    assert loss(scored) == loss(without)
    if name == "logistic":
        r = np.array([0.3, -0.2, -1.0])
        decided = -np.log(special.expit(r[:2] - r[2]))
        np.testing.assert_allclose(loss(scored), decided.mean())
        tie = bernoulli(0.5, special.expit(r[0] - r[1]))
        np.testing.assert_allclose(loss(said), (decided.sum() + tie) / 3)
    assert loss(said) != loss(without)


def test_label_smoothing_turns_a_part_of_the_votes_round():
    batch = batch_of(Comparison(0, 1), responses=2)
    losses, _ = make_objective("logistic", label_smoothing=0.1).losses(make_head("scalar"), column(1.0, 0.0), batch)
    np.testing.assert_allclose(losses, [bernoulli(0.9, special.expit(1.0))], rtol=1e-12)


def test_the_general_head_has_the_loss_of_gpm():
    # −log σ((v_c0·v_r1 − v_c1·v_r0)/τ)
    v = np.array([[0.5, -1.0], [2.0, 0.25]])
    batch = batch_of(Comparison(1, 0), responses=2)
    head = make_head("general", dim=2, temperature=0.1)
    losses, _ = make_objective("logistic").losses(head, torch.from_numpy(v), batch)
    np.testing.assert_allclose(losses, [-np.log(special.expit((2.0 * -1.0 - 0.25 * 0.5) / 0.1))], rtol=1e-12)


def test_log_odds_are_pulled_to_those_of_the_votes_and_half_a_vote_each():
    batch = batch_of(Comparison(0, 1, weight=3), Comparison(1, 2, 0.25, weight=4))
    losses, _ = make_objective("log-odds").losses(make_head("scalar"), column(1.0, 0.0, 0.0), batch)
    np.testing.assert_allclose(losses, [(1 - np.log(3.5 / 0.5)) ** 2, np.log(1.5 / 3.5) ** 2], rtol=1e-12)


def test_free_scalars_with_log_odds_reach_the_potential_of_hodge_rank():
    rng = np.random.default_rng(0)
    i, j = np.triu_indices(4, 1)
    share, votes = rng.uniform(size=6), rng.integers(1, 9, 6).astype(float)
    batch = batch_of(*map(Comparison, i, j, share, [None] * 6, [None] * 6, votes), responses=4)
    r = torch.zeros(4, 1, dtype=torch.float64, requires_grad=True)
    descent = torch.optim.LBFGS([r], lr=1, max_iter=50, tolerance_grad=1e-12, line_search_fn="strong_wolfe")

    def closure():
        descent.zero_grad()
        losses, weights = make_objective("log-odds").losses(make_head("scalar"), r, batch)
        loss = (weights * losses).sum()
        loss.backward()
        return loss

    descent.step(closure)
    P, W = preference_matrix(i, j, share, votes, 4)
    potential = hodge_decomposition(observed_log_odds(P, W), W).potential
    np.testing.assert_allclose(r.detach()[:, 0] - r.detach().mean(), potential, atol=1e-5)


def test_dpl_of_a_gaussian_head_is_the_likelihood_under_two_normal_utilities():
    states = torch.tensor([[0.5, 0.2], [-1.0, 1.0]], dtype=torch.float64)
    sigma = np.log1p(np.exp([0.2, 1.0])) + 1e-3
    q = stats.norm.cdf(1.5 / np.hypot(*sigma))
    batch = batch_of(Comparison(0, 1, 0.75, weight=4), responses=2)
    losses, _ = make_objective("dpl").losses(make_head("gaussian"), states, batch)
    np.testing.assert_allclose(losses, [bernoulli(0.75, q)], rtol=1e-12)
    penalised, _ = make_objective("dpl", variance_penalty=0.5).losses(make_head("gaussian"), states, batch)
    np.testing.assert_allclose(penalised - losses, [0.5 * (sigma**2).sum()], rtol=1e-12)


def test_dpl_of_a_distributional_head_compares_atoms_and_rewards_a_spread_mean():
    z = np.array([[0.0, 1.0, 2.0], [1.0, 0.0, -1.0], [0.5, 0.5, 3.0]])
    p = special.softmax(z, axis=-1)
    beats = np.tril(np.ones((3, 3)), -1) + np.eye(3) / 2
    head = make_head("distributional", labels=(1, 2, 3))
    batch = batch_of(Comparison(0, 1), Comparison(2, 0, 0.25, weight=4))
    losses, _ = make_objective("dpl").losses(head, torch.from_numpy(z), batch)
    expected = [-np.log(p[0] @ beats @ p[1]), bernoulli(0.25, p[2] @ beats @ p[0])]
    np.testing.assert_allclose(losses, expected, rtol=1e-12)
    spread, _ = make_objective("dpl", entropy=0.1).losses(head, torch.from_numpy(z), batch)
    mean = (p[0] + p[1] + p[0] + p[2]) / 4
    np.testing.assert_allclose(spread - losses, -0.1 * stats.entropy(mean) * np.ones(2), rtol=1e-9)


def test_likelihoods_of_opinions_are_those_of_scipy(batch, heads):
    z = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    p, predicted = batch.opinion.numpy(), special.softmax(z.numpy(), axis=-1)[batch.rated.numpy()]
    kl, _ = make_objective("kl").losses(heads["distributional"], z, batch)
    np.testing.assert_allclose(kl, stats.entropy(p, predicted, axis=-1), rtol=1e-12)
    cross_entropy, _ = make_objective("cross-entropy").losses(heads["distributional"], z, batch)
    np.testing.assert_allclose(cross_entropy, kl.numpy() + stats.entropy(p, axis=-1), rtol=1e-12)


def test_the_ranked_probability_score_is_the_squared_distance_of_the_cdfs_by_hand():
    head = make_head("distributional", labels=(1, 2, 4))
    group = Group("p", ["a"], ratings=[Rating(0, 1, weight=3), Rating(0, 4)])  # opinion ¾, 0, ¼
    states = torch.log(torch.tensor([[0.5, 0.3, 0.2]], dtype=torch.float64))
    judgments = collate([group_judgments(group, head.labels)], [1], dtype=torch.float64)
    losses, weights = make_objective("ranked-probability").losses(head, states, judgments)
    np.testing.assert_allclose(losses, [(0.5 - 0.75) ** 2 * 1 + (0.8 - 0.75) ** 2 * 2])
    assert weights.tolist() == [4]


@pytest.mark.parametrize(
    ("head", "states", "utility"),
    [
        (make_head("scalar"), [[2.5]], 2.5),
        (make_head("gaussian"), [[2.5, 9.0]], 2.5),
        (make_head("distributional", labels=(1, 5)), [[0.0, 0.0]], 3.0),
    ],
)
def test_mean_squared_compares_the_utility_with_the_mean_rating(head, states, utility):
    group = Group("p", ["a"], ratings=[Rating(0, 1, weight=3), Rating(0, 5)])
    losses, weights = make_objective("mean-squared").losses(
        head, torch.tensor(states), collate([group_judgments(group)], [1])
    )
    np.testing.assert_allclose(losses, [(utility - 2.0) ** 2])
    assert weights.tolist() == [4]


# — what the optima are —


def descended(objective, batch, responses, steps=3000, rate=0.05):
    """Free utilities at the minimum of an objective, averaging 0."""
    states = torch.zeros(responses, 1, dtype=torch.float64, requires_grad=True)
    descent = torch.optim.Adam([states], lr=rate)
    for _ in range(steps):
        descent.zero_grad()
        losses, weights = objective.losses(make_head("scalar"), states, batch)
        (losses * weights).sum().backward()
        descent.step()
    return (states - states.mean()).detach()[:, 0].numpy()


@pytest.mark.parametrize("seed", range(3))
def test_borda_and_copeland_scores_are_the_optima_whatever_the_numbers_of_votes(seed):
    rng = np.random.default_rng(seed)
    P, i, j = np.full((5, 5), 0.5), *np.triu_indices(5, 1)
    P[i, j] = rng.integers(0, 21, 10) / 20
    P[j, i] = 1 - P[i, j]
    votes = rng.integers(1, 50, 10)
    said = [Comparison(int(a), int(b), P[a, b], weight=float(w)) for a, b, w in zip(i, j, votes)]
    batch = batch_of(*said, responses=5)
    for name, expected in (("borda", 2 * borda_scores(P) - 1), ("copeland", 2 * copeland_scores(P) - 1)):
        found = descended(make_objective(name, scale=2.0), batch, 5)
        # the descent ends where its steps are small, which hangs on how sums are rounded; scores lie 0.4 apart
        np.testing.assert_allclose(found, 2.0 * expected * 4 / 5, atol=1e-4)


def test_where_some_pairs_have_more_votes_likelihood_does_not_find_bordas_order():
    """A slight cycle, of which the pair that 2 wins over 0 has most of the votes."""
    batch = batch_of(Comparison(0, 1, 0.6), Comparison(1, 2, 0.6), Comparison(2, 0, 0.55, weight=100))
    assert np.argsort(descended(make_objective("borda"), batch, 3)).tolist() == [2, 1, 0]
    assert np.argmax(descended(make_objective("logistic"), batch, 3)) == 2


def test_the_sign_objective_counts_wrong_votes_where_it_is_narrow():
    batch = batch_of(Comparison(0, 1, 0.8, weight=5), Comparison(1, 2, 0.3, weight=2), Comparison(0, 2, 0.5))
    losses, _ = make_objective("sign", width=1e-3).losses(make_head("scalar"), column(1.0, 0.5, 0.0), batch)
    assert losses.tolist() == pytest.approx([0.2, 0.5, 0.7])
    losses, _ = make_objective("sign", width=2.0).losses(make_head("scalar"), column(1.0, 0.0, 0.0), batch)
    assert losses[0].item() == pytest.approx(0.8 * special.expit(-0.5) + 0.2 * special.expit(0.5))


def test_the_sign_estimator_finds_the_mean_taste_and_cross_entropy_leans_to_the_sure():
    """Tastes are symmetric about (1, 1), and far more spread along the first feature: the mean is at 45 degrees.

    The best of all directions and of several sizes by each loss, on the exact shares of many pairs.
    """
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 2))
    away = np.stack([rng.standard_t(1.5, 400) * 4, np.zeros(400)], axis=1)
    tastes = np.concatenate([1 + away, 1 - away])  # around (1, 1)
    share = special.expit(x @ tastes.T).mean(1)
    batch = batch_of(*[Comparison(0, 1)])
    batch = replace(
        batch,
        **{name: torch.arange(at, 8000, 2) for at, name in enumerate(("first", "second"))},
        share=torch.from_numpy(share),
        **{name: torch.ones(4000, dtype=torch.float64) for name in ("weight", "margin")},
        pair_group=torch.zeros(4000, dtype=torch.long),
    )

    def angle(objective):
        found = []
        for degrees in np.linspace(0, 180, 721):
            way = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
            losses = []
            for size in (0.25, 0.5, 1, 2, 4):
                states = torch.from_numpy(np.stack([size * x @ way, np.zeros(len(x))], 1).reshape(-1, 1))
                losses.append(objective.losses(make_head("scalar"), states, batch)[0].mean().item())
            found.append((min(losses), degrees))
        return min(found)[1]

    assert abs(angle(make_objective("sign", width=0.02)) - 45) < 4
    assert abs(angle(make_objective("logistic")) - 45) > 8
