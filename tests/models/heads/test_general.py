"""The general head against block matrices, Bradley–Terry, and cycles that no scalar has."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from polypref.models.heads import HeadError, make_head


def by_block_matrices(v, gates, tau):
    """s_ij = v_iᵀ R v_j with R made of 2 × 2 blocks: [K, K] from v [K, dim] and gates [K, dim/2]."""
    K, dim = v.shape
    scores = np.zeros((K, K))
    for i in range(K):
        for j in range(K):
            weights = (gates[i] + gates[j]) / 2
            R = np.zeros((dim, dim))
            for block, weight in enumerate(weights):
                R[2 * block, 2 * block + 1], R[2 * block + 1, 2 * block] = weight, -weight
            scores[i, j] = v[i] @ R @ v[j]
    return scores / tau


@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_log_odds_are_those_of_the_block_matrix(blocks, K, seed):
    v = np.random.default_rng(seed).normal(size=(K, 2 * blocks))
    expected = by_block_matrices(v, np.ones((K, blocks)), tau=0.5)
    head, states = make_head("general", dim=2 * blocks, temperature=0.5), torch.from_numpy(v)
    np.testing.assert_allclose(head.log_odds(states[:, None], states[None, :]), expected, atol=1e-12)
    np.testing.assert_allclose(head.preferences(states), 1 / (1 + np.exp(-expected)), atol=1e-12)


def test_a_gate_weighs_the_blocks_by_the_mean_of_both_responses():
    rng = np.random.default_rng(0)
    v, gates = rng.normal(size=(4, 6)), 3 * rng.dirichlet(np.ones(3), size=4)
    expected = by_block_matrices(v, gates, tau=1)
    head, states = make_head("general", dim=6, gate=True), torch.from_numpy(np.hstack([v, gates]))
    assert (head.width, head.gates) == (6, 3)
    np.testing.assert_allclose(head.log_odds(states[:, None], states[None, :]), expected, atol=1e-12)
    np.testing.assert_allclose(head.preferences(states), 1 / (1 + np.exp(-expected)), atol=1e-12)


def test_a_gate_of_ones_is_no_gate():
    v = torch.randn(3, 4, dtype=torch.float64)
    gated = make_head("general", dim=4, gate=True).preferences(torch.cat([v, torch.ones(3, 2)], dim=-1))
    torch.testing.assert_close(gated, make_head("general", dim=4).preferences(v))


def test_bradley_terry_is_the_case_v_equals_r_and_1():
    r = torch.randn(6, 1)
    v = torch.cat([r, torch.ones(6, 1)], dim=-1)
    scalar, general = make_head("scalar"), make_head("general", dim=2)
    assert torch.equal(general.log_odds(v[:, None], v[None, :]), scalar.log_odds(r[:, None], r[None, :]))


def test_rock_paper_scissors_fits_one_block():
    angle = torch.tensor([0, 1, 2], dtype=torch.float64) * 2 * torch.pi / 3
    v = 3 * torch.stack([angle.cos(), angle.sin()], dim=-1)
    P = make_head("general", dim=2).preferences(v)
    assert min(P[0, 1], P[1, 2], P[2, 0]) > 0.99


@given(st.integers(2, 7), st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_every_skew_symmetric_matrix_is_expressible(K, seed):
    A = np.random.default_rng(seed).normal(size=(K, K))
    S = A - A.T
    # S = Σ_l θ_l (x_l y_lᵀ − y_l x_lᵀ): θ_l are the singular values of S, in pairs
    values, vectors = np.linalg.eig(S)
    upper = np.flatnonzero(values.imag > 1e-9)
    assert len(upper) <= K // 2
    v = np.zeros((K, 2 * (K // 2)))
    for block, pair in enumerate(upper):
        x, y = vectors[:, pair].real, vectors[:, pair].imag
        scale = np.sqrt(2 * values[pair].imag)
        v[:, 2 * block], v[:, 2 * block + 1] = scale * x, scale * y
    states = torch.from_numpy(v)
    log_odds = make_head("general", dim=v.shape[1]).log_odds(states[:, None], states[None, :])
    np.testing.assert_allclose(log_odds, S, atol=1e-9)


def test_normalised_vectors_have_length_1_and_the_temperature_of_the_authors():
    head = make_head("general", dim=2, normalize=True)
    assert head.tau == 0.1
    assert make_head("general", dim=2).tau == 1
    v = torch.tensor([[3.0, 4.0], [0.0, 2.0]], dtype=torch.float64)
    assert head.log_odds(v[0], v[1]).item() == pytest.approx(0.6 / 0.1)
    assert head.log_odds(100 * v[0], v[1]).item() == pytest.approx(6)


def test_a_vector_of_zeros_has_no_preference_and_a_finite_gradient():
    v = torch.zeros(2, 4, requires_grad=True)
    log_odds = make_head("general", dim=4, normalize=True).log_odds(v[0], v[1])
    log_odds.backward()
    assert log_odds.item() == 0
    assert v.grad.isfinite().all()


def test_utilities_are_mean_log_odds_against_the_others():
    v = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0]])
    assert make_head("general", dim=2).utilities(v).tolist() == [0.5, -1.5, 1.0]  # log-odds: 01: 1, 02: 0, 12: −2
    assert make_head("general", dim=2).utilities(v[:1]).tolist() == [0.0]


@pytest.mark.parametrize("settings", [{"dim": 3}, {"dim": 0}, {"temperature": 0.0}])
def test_settings_without_meaning_are_refused(settings):
    with pytest.raises(HeadError, match=next(iter(settings))):
        make_head("general", **settings)
