"""Exact runs: each method against equilibria found by solvers that it does not use."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, softmax

from polypref import DataError
from polypref.alignment import all_methods, solve_table
from polypref.alignment.methods import MethodError
from polypref.choice import duality_gap, equilibrium, fit_bradley_terry, maximal_lottery

SCORES = np.array([[0.0, 2, -1], [-2, 0, 3], [1, -3, 0]])
REFERENCE = np.array([0.5, 0.3, 0.2])
TO_REGULARISED = [name for name, each in all_methods().items() if each.goal == "regularised equilibrium"]


def random_scores(seed: int, size: int = 5) -> np.ndarray:
    upper = np.triu(np.random.default_rng(seed).normal(scale=1.5, size=(size, size)), 1)
    return upper - upper.T


def test_every_method_of_the_plan_is_there():
    expected = "capo comal distillation dpo dsppo egpo gpo inpo ipo ln-gpo mnpo online-ipo seppo sppo"
    assert list(all_methods()) == expected.split()


@pytest.mark.parametrize("name", TO_REGULARISED)
@pytest.mark.parametrize("seed", range(4))
def test_the_last_policy_is_the_regularised_equilibrium(name, seed):
    S = SCORES if seed == 0 else random_scores(seed, 3)
    run = solve_table(name, scores=S, reference=REFERENCE, beta=0.2, steps=1500)
    expected = equilibrium(expit(S) - 0.5, reference=REFERENCE, beta=0.2)
    np.testing.assert_allclose(run.policy, expected, atol=1e-6)
    assert run.gaps[-1] < 1e-9 < run.gaps[0]


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_comal_reaches_the_maximal_lottery(seed):
    S = SCORES if seed == 0 else random_scores(seed)
    run = solve_table("comal", scores=S, beta=0.1, steps=8000)
    np.testing.assert_allclose(run.policy, maximal_lottery(expit(S)), atol=1e-6)


def test_comal_is_slow_to_drop_a_response_that_is_nearly_as_good():
    S = random_scores(2)
    lottery = maximal_lottery(expit(S))
    behind = -((expit(S) - 0.5) @ lottery)[lottery == 0].max()
    assert 0 < behind < 0.05
    short, long = (solve_table("comal", scores=S, beta=0.1, steps=steps) for steps in (2000, 8000))
    assert 1e-6 < np.abs(long.policy - lottery).max() < np.abs(short.policy - lottery).max() / 2


def test_inpo_with_one_reference_stays_away_from_the_lottery_that_comal_reaches():
    inpo = solve_table("inpo", scores=SCORES, beta=0.3, steps=2000)
    assert np.abs(inpo.policy - maximal_lottery(expit(SCORES))).max() > 0.05


@pytest.mark.parametrize(
    ("name", "game", "beta"),
    [("sppo", expit(SCORES) - 0.5, 10.0), ("gpo", SCORES, 50.0), ("ln-gpo", SCORES, 50.0), ("dsppo", SCORES, 50.0)],
)
def test_self_play_moves_away_and_its_average_settles(name, game, beta):
    goal = equilibrium(game)
    start = softmax(np.log(goal) + np.array([0.2, -0.1, -0.1]))
    run = solve_table(name, scores=SCORES, reference=start, beta=beta, steps=8000)
    tv = np.abs(run.policies - goal).sum(-1) / 2
    assert tv[-1000:].max() > 2 * tv[:1000].max()
    assert np.abs(run.average - goal).sum() / 2 < 0.02
    assert duality_gap(game, run.average) < 0.1 * run.gaps[-1000:].max()


def test_lengths_change_the_way_but_not_the_goal():
    same = solve_table("ln-gpo", scores=SCORES, beta=50, steps=300)
    np.testing.assert_allclose(same.policy, solve_table("gpo", scores=SCORES, beta=50, steps=300).policy)
    doubled = solve_table("ln-gpo", scores=SCORES, beta=100, steps=300, lengths=[2, 2, 2])
    np.testing.assert_allclose(same.policy, doubled.policy, atol=1e-9)
    uneven = solve_table("ln-gpo", scores=SCORES, beta=200, steps=20_000, lengths=[1, 3, 2])
    np.testing.assert_allclose(uneven.average, equilibrium(SCORES), atol=0.02)


def test_one_step_of_self_play_by_hand():
    run = solve_table("gpo", scores=SCORES, reference=REFERENCE, beta=2.0, steps=1)
    np.testing.assert_allclose(run.policy, softmax(np.log(REFERENCE) + SCORES @ REFERENCE / 2), atol=1e-12)
    run = solve_table("sppo", scores=SCORES, reference=REFERENCE, beta=0.5, steps=1)
    np.testing.assert_allclose(run.policy, softmax(np.log(REFERENCE) + expit(SCORES) @ REFERENCE / 0.5), atol=1e-12)


def test_extragradient_settles_with_steps_that_a_plain_one_does_not():
    plain = solve_table("inpo", scores=SCORES, beta=0.02, steps=3000, step=0.03)
    extra = solve_table("egpo", scores=SCORES, beta=0.02, steps=3000, step=0.03)
    expected = equilibrium(expit(SCORES) - 0.5, beta=0.02)
    np.testing.assert_allclose(extra.policy, expected, atol=1e-6)
    assert np.abs(plain.policy - expected).max() > 0.05


def test_ipo_is_the_best_response_to_the_reference():
    run = solve_table("ipo", scores=SCORES, reference=REFERENCE, beta=0.3, steps=2)
    P = expit(SCORES)
    np.testing.assert_allclose(run.policy, softmax(np.log(REFERENCE) + P @ REFERENCE / 0.3), atol=1e-12)
    hard = solve_table("ipo", scores=SCORES, reference=REFERENCE, beta=0.3, winners="hard", steps=1)
    majority = (np.sign(SCORES) + 1) / 2
    np.testing.assert_allclose(hard.policy, softmax(np.log(REFERENCE) + majority @ REFERENCE / 0.3), atol=1e-12)


def test_dpo_recovers_utilities_and_is_bradley_terry_on_a_cycle():
    r = np.array([1.0, 0.2, -0.7])
    run = solve_table("dpo", scores=r[:, None] - r, reference=REFERENCE, beta=0.5, steps=1)
    np.testing.assert_allclose(run.policy, softmax(np.log(REFERENCE) + r / 0.5), atol=1e-10)
    votes = 1 - np.eye(3)
    u = fit_bradley_terry(expit(SCORES), votes).utilities
    np.testing.assert_allclose(solve_table("dpo", scores=SCORES, beta=0.5, steps=1).policy, softmax(u / 0.5), atol=1e-8)


def test_distillation_fits_one_reward_and_is_pessimistic_about_several():
    rewards = np.array([[1.0, 0, -1, 0.3], [-0.5, 1, 0.2, 0.1], [0.1, -1, 0.5, 0.2]])
    rho, beta, S = np.array([0.1, 0.4, 0.3, 0.2]), 0.7, np.zeros((4, 4))
    one = solve_table("distillation", scores=S, reference=rho, beta=beta, rewards=rewards[0], steps=1)
    np.testing.assert_allclose(one.policy, softmax(np.log(rho) + rewards[0] / beta), atol=1e-12)

    several = solve_table("distillation", scores=S, reference=rho, beta=beta, rewards=rewards, steps=1)

    def worst(z):  # the other side of the saddle: what the policy is sure to gain
        p = softmax(z)
        return min((p - rho) @ r for r in rewards) - beta * np.sum(p * np.log(p / rho))

    found = minimize(
        lambda x: -x[4] + beta * np.sum(x[:4] * np.log(x[:4] / rho)),
        np.append(rho, -0.1),
        bounds=[(1e-9, 1)] * 4 + [(None, None)],
        constraints=[
            {"type": "eq", "fun": lambda x: x[:4].sum() - 1},
            *({"type": "ineq", "fun": lambda x, r=r: (x[:4] - rho) @ r - x[4]} for r in rewards),
        ],
        method="SLSQP",
        options={"ftol": 1e-14},
    )
    np.testing.assert_allclose(several.policy, found.x[:4], atol=1e-5)
    assert worst(np.log(several.policy)) >= -found.fun - 1e-8
    assert worst(np.log(several.policy)) > max(worst(np.log(rho) + r / beta) for r in rewards)


def test_many_games_at_once_are_each_alone():
    S = np.stack([SCORES, random_scores(1, 3)])
    for name in all_methods():
        both = solve_table(name, scores=S, reference=REFERENCE, beta=0.5, steps=20)
        for k in range(2):
            alone = solve_table(name, scores=S[k], reference=REFERENCE, beta=0.5, steps=20)
            np.testing.assert_allclose(both.policy[k], alone.policy, atol=1e-9)
            np.testing.assert_allclose(both.gaps[:, k], alone.gaps, atol=1e-9)


def test_the_published_partition_of_0_has_the_same_goal():
    run = solve_table("sppo", scores=SCORES, beta=10, steps=8000, partition="zero")
    np.testing.assert_allclose(run.average, maximal_lottery(expit(SCORES)), atol=0.01)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"method": "nash"}, "unknown method 'nash'; known are capo, comal"),
        ({"temperature": 1}, "the inpo method has no setting 'temperature'; it has beta"),
        ({"beta": 0}, "beta above 0, got 0"),
        ({"step": 2}, "step above 0 and at most 1, got 2"),
        ({"steps": 0}, "at least 1 step"),
        ({"scores": np.ones((2, 2))}, "skew-symmetric"),
        ({"scores": [1.0]}, r"scores \[K, K\]"),
        ({"reference": [1.0, 0, 0]}, "probabilities above 0"),
        ({"lengths": [1, 2]}, "each of the 3 responses"),
        ({"method": "sppo", "partition": "none"}, "expected 'sampled' or 'zero'"),
        ({"winners": "loud"}, "expected 'soft' or 'hard'"),
    ],
)
def test_what_cannot_be_run_is_refused_in_a_sentence(given, match):
    with pytest.raises((DataError, MethodError), match=match):
        solve_table(**{"method": "inpo", "scores": SCORES, **given})
