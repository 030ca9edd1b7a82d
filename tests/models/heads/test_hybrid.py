"""The hybrid head against the matrices of its formula, by hand, on disk, and where no general head of its size gets."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from polypref import Comparison, Group
from polypref.errors import PolyprefError
from polypref.models.heads import HeadError, make_head
from polypref.models.preference_model import PreferenceModel
from polypref.objectives import collate, default_objective, group_judgments
from polypref.training.frozen import FrozenEncoder

GROUP = Group("What is better?", ("The answer.", "A question is better", "the answer"))
OTHER = Group("Hi there, who is it?", ("the user", "Hello!"))


def by_matrices(r, v, gates, c1, c2):
    """s_ij = c₁(r_i − r_j) + c₂·v_iᵀ D_i R D_j v_j of r [K], v [K, dim] of any length, gates [K, dim/2] → [K, K]."""
    K, dim = v.shape
    v = v / np.linalg.norm(v, axis=1, keepdims=True)
    R = np.kron(np.eye(dim // 2), [[0, 1], [-1, 0]])
    D = [np.diag(np.repeat(gate, 2)) for gate in gates]
    return np.array([[c1 * (r[i] - r[j]) + c2 * v[i] @ D[i] @ R @ D[j] @ v[j] for j in range(K)] for i in range(K)])


def pairwise(head, states):
    return head.log_odds(states[:, None], states[None, :])


@given(st.integers(1, 4), st.integers(1, 5), st.booleans(), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_log_odds_are_those_of_the_formula(blocks, K, gate, seed):
    rng = np.random.default_rng(seed)
    r, v = rng.normal(size=K), rng.normal(size=(K, 2 * blocks))
    gates = blocks * rng.dirichlet(np.ones(blocks), size=K) if gate else np.ones((K, blocks))
    head = make_head("hybrid", dim=2 * blocks, transitive=0.5, cyclic=3.0, gate=gate)
    states = torch.from_numpy(np.hstack([r[:, None], v, gates] if gate else [r[:, None], v]))
    assert states.shape[1] == head.state_width
    expected = by_matrices(r, v, gates, 0.5, 3.0)
    np.testing.assert_allclose(pairwise(head, states), expected, atol=1e-10)
    np.testing.assert_allclose(head.all_log_odds(states), expected, atol=1e-10)


def test_numbers_by_hand():
    head = make_head("hybrid", dim=2, transitive=2.0, cyclic=5.0, bound=3.0)
    states = torch.tensor([[1.0, 3.0, 4.0], [-0.5, 0.0, 2.0], [7.0, -1.0, 0.0]], dtype=torch.float64)
    # r = 1, −0.5, 3 (cut); v = (0.6, 0.8), (0, 1), (−1, 0); crossed: 01: 0.6, 02: 0.8, 12: 1
    expected = [[0, 2 * 1.5 + 5 * 0.6, 2 * -2 + 5 * 0.8], [-6, 0, 2 * -3.5 + 5 * 1], [0, 2, 0]]
    np.testing.assert_allclose(head.all_log_odds(states), expected, atol=1e-9)
    np.testing.assert_allclose(pairwise(head, states), expected, atol=1e-9)
    np.testing.assert_allclose(head.utilities(states), [3, -4, 1], atol=1e-9)


def test_a_gate_by_hand():
    head = make_head("hybrid", dim=4, transitive=1.0, cyclic=1.0, gate=True)
    a = torch.tensor([0.0, 3.0, 0.0, 4.0, 0.0, 0.5, 1.5], dtype=torch.float64)  # v = (0.6, 0, 0.8, 0)
    b = torch.tensor([0.0, 0.0, 4.0, 0.0, 3.0, 0.5, 1.5], dtype=torch.float64)  # v = (0, 0.8, 0, 0.6)
    assert head.log_odds(a, b).item() == pytest.approx(0.25 * 0.48 + 2.25 * 0.48)


def test_a_gate_of_ones_is_no_gate():
    states = torch.randn(3, 5, dtype=torch.float64)
    gated = make_head("hybrid", dim=4, gate=True).preferences(torch.cat([states, torch.ones(3, 2)], dim=-1))
    torch.testing.assert_close(gated, make_head("hybrid", dim=4).preferences(states))


def test_without_vectors_it_is_bradley_terry_and_without_utilities_a_normalised_general_head():
    r, v = torch.randn(5, 1, dtype=torch.float64), torch.randn(5, 4, dtype=torch.float64)
    hybrid, scalar = make_head("hybrid", dim=4, cyclic=10.0), make_head("scalar")
    alone = hybrid.all_log_odds(torch.cat([r, torch.zeros(5, 4)], dim=-1))
    torch.testing.assert_close(alone, pairwise(scalar, r))
    general = make_head("general", dim=4, normalize=True)  # its temperature is 0.1
    torch.testing.assert_close(hybrid.all_log_odds(torch.cat([torch.zeros(5, 1), v], dim=-1)), general.all_log_odds(v))


@pytest.mark.parametrize(
    "settings", [{"dim": 3}, {"dim": 0}, {"transitive": 0.0}, {"cyclic": float("inf")}, {"bound": float("nan")}]
)
def test_settings_without_meaning_are_refused(settings):
    with pytest.raises(HeadError, match=next(iter(settings))):
        make_head("hybrid", **settings)


# — in a model —


@pytest.mark.parametrize("gate", [False, True])
def test_a_saved_model_comes_back(tiny, tmp_path, gate):
    model = PreferenceModel.from_backbone(tiny("llama"), "hybrid", dim=4, cyclic=3.0, gate=gate)
    if gate:
        torch.nn.init.normal_(model.encoder.extra.weight)
    model.save_pretrained(tmp_path)
    again = PreferenceModel.from_pretrained(tmp_path)
    assert again.head == model.head == make_head("hybrid", dim=4, cyclic=3.0, gate=gate)
    assert again.states(GROUP).shape == (3, 5)
    for group in (GROUP, OTHER):
        np.testing.assert_array_equal(again.preferences(group), model.preferences(group))
        np.testing.assert_array_equal(again.utilities(group), model.utilities(group))
    assert (tmp_path / "polypref.safetensors").exists() == gate
    if gate:
        torch.testing.assert_close(load_file(tmp_path / "polypref.safetensors"), model.encoder.extra.state_dict())
        goes_on = PreferenceModel.from_backbone(str(tmp_path), model.head)
        assert torch.equal(goes_on.encoder.extra.weight, model.encoder.extra.weight)


def test_the_gate_is_that_of_the_prompt(tiny):
    """It starts at 1, differs between prompts, and is one for all responses to a prompt."""
    model = PreferenceModel.from_backbone(tiny("llama"), "hybrid", dim=4, gate=True)
    before = [known.rows[:, 5:] for _, known in model.encode([GROUP, OTHER])]
    torch.testing.assert_close(torch.cat(before), torch.ones(5, 2))
    torch.manual_seed(0)
    torch.nn.init.normal_(model.encoder.extra.weight)
    first, second = (known.rows[:, 5:] for _, known in model.encode([GROUP, OTHER]))
    torch.testing.assert_close(first.mean(-1), torch.ones(3))
    assert (first[0] - second[0]).abs().max() > 0.01


def test_a_gate_is_refused_where_there_is_no_prompt_to_read(tiny):
    with pytest.raises(PolyprefError, match="a prompt gate reads the prompt's last token, which only decoder"):
        PreferenceModel.from_backbone(tiny("bert"), "hybrid", gate=True)
    gated = PreferenceModel.from_backbone(tiny("llama"), "hybrid", dim=4, gate=True)
    with pytest.raises(PolyprefError, match="a prompt gate reads the backbone"):
        FrozenEncoder(gated)


# — what it can learn —


def crowned_cycle(length):
    """Response 0 beats all others; these stand in a circle of odd length, and each beats the half that follows it."""
    others = range(length)
    beats = [Comparison(0, 1 + i) for i in others]
    beats += [Comparison(1 + i, 1 + (i + step) % length) for i in others for step in range(1, length // 2 + 1)]
    return collate([group_judgments(Group("p", [str(i) for i in range(1 + length)], beats))], [1 + length])


def share_right(head, batch, seed):
    """How many of the pairs a head gets right with free states that descend its objective from small random ones."""
    torch.manual_seed(seed)
    rows = int(batch.second.max()) + 1
    states = torch.nn.Parameter(0.1 * torch.randn(rows, head.width))
    descent, objective = torch.optim.Adam([states], lr=0.1), default_objective(head.name)
    for _ in range(400):
        descent.zero_grad()
        objective.losses(head, states, batch)[0].mean().backward()
        descent.step()
    return ((batch.log_odds(head, states.detach()) > 0) == (batch.share > 0.5)).double().mean().item()


@pytest.mark.parametrize("length", [3, 5, 9, 13])
def test_one_block_holds_a_dominant_answer_above_a_cycle(length):
    """A general head with one block cannot: whom 0 beats lies within half a turn from it, and so in a line by angle.

    It needs a second block for it, which then is the utility that the hybrid head has beside its own.
    """
    batch = crowned_cycle(length)
    assert [share_right(make_head("hybrid", dim=2), batch, seed) for seed in range(3)] == [1, 1, 1]
    for normalize in (False, True):
        general = make_head("general", dim=2, normalize=normalize)
        assert max(share_right(general, batch, seed) for seed in range(3)) < 1
    assert share_right(make_head("general", dim=4, normalize=True), batch, 0) == 1
