"""Exact methods reach the equilibria they are said to reach, found by solvers that no method uses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax

from polypref.alignment import solve_table
from polypref.alignment.methods import MethodError, all_methods
from polypref.choice import fit_bradley_terry

CYCLE = np.array([[0.0, 2.0, -1.0], [-2.0, 0.0, 3.0], [1.0, -3.0, 0.0]])
PRIOR = np.array([0.6, 0.3, 0.1])
LOTTERY, OF_SCORES = [0.425, 0.217, 0.358], [1 / 2, 1 / 6, 1 / 3]


def games(count: int = 4):
    """Random skew games and references of 3 to 8 responses."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        k = int(rng.integers(3, 9))
        scores = rng.normal(size=(k, k))
        yield scores - scores.T, rng.dirichlet(np.full(k, 2.0)) * 0.9 + 0.1 / k


def regularised(margins: np.ndarray, reference: np.ndarray, beta: float) -> np.ndarray:
    """π ∝ reference·exp(margins·π/β) by damped steps."""
    x = np.zeros(len(reference))
    for _ in range(15_000):
        x += 2e-3 * (margins @ softmax(np.log(reference) + x) / beta - x)
    return softmax(np.log(reference) + x)


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("inpo", {"eta": 2.0, "tau": 0.2}),
        ("mnpo", {"eta": 4.0, "tau": 0.2}),
        ("egpo", {"beta": 0.2}),
        ("online-ipo", {"beta": 0.2, "step_size": 0.02}),
    ],
)
def test_last_iterates_reach_the_equilibrium_near_the_reference(method, settings) -> None:
    for scores, reference in games():
        run = solve_table(method, scores, reference=reference, steps=1000, **settings)
        np.testing.assert_allclose(run.policy, regularised(expit(scores) - 0.5, reference, 0.2), atol=1e-6)
        np.testing.assert_allclose(run.policy, run.equilibrium, atol=1e-6)
        assert run.gaps[-1] < 1e-6 < run.gaps[0]


def test_a_moving_reference_reaches_the_lottery_itself() -> None:
    run = solve_table("comal", CYCLE, reference=PRIOR, steps=3000, eta=3.0, tau=0.1)
    np.testing.assert_allclose(run.policy, LOTTERY, atol=5e-4)
    np.testing.assert_allclose(run.policy, run.equilibrium, atol=1e-6)
    assert run.gaps[-1] < 1e-6


@pytest.mark.parametrize(
    ("method", "beta", "expected"),
    [("sppo", 4.0, LOTTERY), ("gpo", 20.0, OF_SCORES), ("ln-gpo", 20.0, OF_SCORES), ("dsppo", 20.0, OF_SCORES)],
)
def test_self_play_circles_outwards_and_its_average_comes_near(method, beta, expected) -> None:
    """A general scores' game and that of P − ½ have different equilibria."""
    near = np.add(expected, [0.02, -0.01, -0.01])
    lengths = np.ones(3) if method == "ln-gpo" else None
    run = solve_table(method, CYCLE, start=near / near.sum(), steps=2000, beta=beta, lengths=lengths)
    np.testing.assert_allclose(run.equilibrium, expected, atol=5e-4)
    farthest = [np.abs(run.path[at : at + 200] - run.equilibrium).sum(axis=1).max() / 2 for at in (0, 900, 1800)]
    assert farthest == sorted(farthest)
    assert farthest[-1] > 2 * farthest[0] > 0.02
    assert run.average_distance < farthest[-1] / 5


def test_dpo_is_bradley_terry_near_the_reference_whatever_the_cycles() -> None:
    run = solve_table("dpo", CYCLE, reference=PRIOR, beta=0.5)
    votes = np.outer(PRIOR, PRIOR) * (1 - np.eye(3))
    utilities = fit_bradley_terry(expit(CYCLE), votes).utilities
    np.testing.assert_allclose(run.policy, softmax(np.log(PRIOR) + utilities / 0.5), atol=1e-9)
    assert run.equilibrium is None
    assert np.isnan(run.gaps).all()
    transitive = np.array([1.0, -0.5, 0.2])
    exact = solve_table("dpo", transitive[:, None] - transitive, reference=PRIOR, beta=0.5)
    np.testing.assert_allclose(exact.policy, softmax(np.log(PRIOR) + transitive / 0.5), atol=1e-9)


def test_ipo_is_the_best_near_the_reference_against_the_reference() -> None:
    run = solve_table("ipo", CYCLE, reference=PRIOR, beta=0.3)
    np.testing.assert_allclose(run.policy, softmax(np.log(PRIOR) + expit(CYCLE) @ PRIOR / 0.3), atol=1e-12)


def test_with_one_utility_all_methods_prefer_the_best() -> None:
    utility = np.array([0.0, 1.5, -1.0, 0.5])
    settings = {"gpo": {"beta": 5.0}, "dsppo": {"beta": 5.0}, "sppo": {"beta": 1.0}}
    for method in all_methods():
        run = solve_table(
            method,
            utility[:, None] - utility,
            rewards=utility[None],
            lengths=np.ones(4),
            **settings.get(method, {}),
        )
        assert run.policy.argmax() == 1
        assert (np.diff(run.policy[np.argsort(utility)]) >= -1e-9).all()


def test_the_pessimist_is_the_best_by_the_worst_model() -> None:
    rng = np.random.default_rng(0)
    rewards, reference = rng.normal(size=(3, 5)), rng.dirichlet(np.full(5, 3.0))
    run = solve_table("distillation", np.zeros((5, 5)), reference=reference, rewards=rewards, steps=20_000, beta=0.7)

    def lost(logits: np.ndarray) -> float:
        p = softmax(logits)
        return -(rewards @ (p - reference)).min() + 0.7 * float(p @ (log_softmax(logits) - np.log(reference)))

    best = min(
        (
            minimize(
                lost,
                rng.normal(size=5),
                method="Nelder-Mead",
                options={"maxiter": 20_000, "xatol": 1e-9, "fatol": 1e-12, "maxfev": 40_000},
            )
            for _ in range(3)
        ),
        key=lambda found: found.fun,
    )
    assert lost(np.log(run.policy)) == pytest.approx(best.fun, abs=1e-4)
    np.testing.assert_allclose(run.policy, softmax(best.x), atol=5e-3)
    one = solve_table("distillation", np.zeros((5, 5)), reference=reference, rewards=rewards[:1], beta=0.7)
    np.testing.assert_allclose(one.policy, softmax(np.log(reference) + rewards[0] / 0.7), atol=1e-9)


def test_the_same_call_gives_the_same_run() -> None:
    one, other = (solve_table("gpo", CYCLE, steps=50) for _ in range(2))
    assert (one.path == other.path).all()
    assert one.path.shape == (51, 3)
    assert one.gaps.shape == (50,)
    np.testing.assert_allclose(one.average, one.path[1:].mean(axis=0))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"reference": [0.5, 0.5]}, "the reference of 3 responses must be 3 probabilities"),
        ({"reference": [1.0, 0.0, 0.0]}, "above 0"),
        ({"steps": 0}, "steps is 0"),
    ],
)
def test_bad_tables_are_refused(settings, words) -> None:
    with pytest.raises(MethodError, match=words):
        solve_table("gpo", CYCLE, **settings)
