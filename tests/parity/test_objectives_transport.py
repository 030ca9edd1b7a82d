"""Transport losses against SciPy and POT."""

import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from polypref.models.heads import make_head
from polypref.objectives import GroupJudgments, collate, make_objective

LABELS = np.array([0.0, 1.0, 3.0, 3.5])
HEAD = make_head("distributional", labels=tuple(LABELS))


def predictions_and_opinions(seed, rows=6):
    """Logits and opinions [rows, d]; some opinions are near-certain, as those of small crowds are."""
    rng = np.random.default_rng(seed)
    opinions = rng.multinomial(3, rng.dirichlet(np.ones(4)), size=rows) / 3
    return rng.normal(size=(rows, 4)), opinions


def losses(objective, logits, opinions):
    nothing, none = np.zeros(0, dtype=np.int64), np.zeros(0)
    everybody, unknown = np.ones(len(logits)), np.zeros(len(logits))
    judged = GroupJudgments(
        first=nothing,
        second=nothing,
        share=none,
        weight=none,
        margin=none,
        rated=np.arange(len(logits)),
        opinion=opinions,
        mean=unknown,
        voters=everybody,
    )
    batch = collate([judged], [len(logits)], dtype=torch.float64)
    values, _ = objective.losses(HEAD, torch.from_numpy(logits), batch)
    return values.numpy()


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_transport_is_the_wasserstein_distance_of_scipy(seed):
    logits, opinions = predictions_and_opinions(seed)
    expected = [stats.wasserstein_distance(LABELS, LABELS, p, q) for p, q in zip(softmax(logits), opinions)]
    np.testing.assert_allclose(losses(make_objective("transport"), logits, opinions), expected, atol=1e-9)


@given(st.integers(0, 10**6), st.sampled_from([1.5, 2.0, 3.0]))
@settings(max_examples=20, deadline=None)
def test_powers_of_the_distance_are_those_of_pot_in_one_dimension(seed, power):
    logits, opinions = predictions_and_opinions(seed)
    expected = [
        ot.emd2_1d(LABELS, LABELS, p, q, metric="minkowski" if power != 2 else "sqeuclidean", p=power)
        for p, q in zip(softmax(logits), opinions)
    ]
    if power != 2:  # POT takes the root of each distance and not its power
        cost = np.abs(LABELS[:, None] - LABELS) ** power
        expected = [ot.emd2(p, q, cost) for p, q in zip(softmax(logits), opinions)]
    np.testing.assert_allclose(losses(make_objective("transport", power=power), logits, opinions), expected, atol=1e-9)


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_any_cost_is_that_of_pot(seed):
    logits, opinions = predictions_and_opinions(seed)
    cost = np.random.default_rng(seed).uniform(size=(4, 4)) * (1 - np.eye(4))
    expected = [ot.emd2(p, q, cost) for p, q in zip(softmax(logits), opinions)]
    objective = make_objective("transport", cost=cost)
    np.testing.assert_allclose(losses(objective, logits, opinions), expected, atol=1e-9)


@pytest.mark.parametrize("epsilon", [0.5, 1.0])
def test_entropic_transport_is_the_sinkhorn_divergence_of_pot(epsilon):
    logits, opinions = predictions_and_opinions(0)
    opinions = (opinions + 0.05) / 1.2  # POT's solver wants masses above 0
    cost = np.abs(LABELS[:, None] - LABELS)

    def regularised(p, q):
        """min ⟨T, C⟩ + ε KL(T ‖ p ⊗ q), from POT's coupling."""
        coupling = ot.sinkhorn(p, q, cost, epsilon, method="sinkhorn_log", numItermax=20_000, stopThr=1e-12)
        return (coupling * cost).sum() + epsilon * (coupling * np.log(coupling / np.outer(p, q))).sum()

    expected = [
        regularised(p, q) - regularised(p, p) / 2 - regularised(q, q) / 2 for p, q in zip(softmax(logits), opinions)
    ]
    objective = make_objective("transport", entropic=epsilon)
    np.testing.assert_allclose(losses(objective, logits, opinions), expected, atol=1e-7)
