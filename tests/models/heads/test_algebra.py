"""What holds for every head: skew symmetry, probabilities that add up, finite values for every state."""

from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from polypref.models.heads import HeadError, Shape, all_heads, head_for, make_head, plain_head

HEADS = {
    "scalar": make_head("scalar", temperature=0.7),
    "general": make_head("general", dim=4),
    "general, normalised": make_head("general", dim=4, normalize=True),
    "general, gated": make_head("general", dim=6, gate=True),
    "hybrid": make_head("hybrid", dim=4),
    "hybrid, gated": make_head("hybrid", dim=6, bound=2.0, gate=True),
    "mixture": make_head("mixture", prototypes=3, weights=(0.5, 0.2, 0.3)),
    "mixture, ideal": make_head("mixture", prototypes=3, form="ideal", distance=2.0),
    "gaussian": make_head("gaussian"),
    "categorical": make_head("distributional", labels=(0, 1, 5)),
    "beta": make_head("distributional", labels=(1, 2, 3, 4), kind="beta"),
}
every_head = pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)


def some_states(head, seed, responses=5, scale=3.0):
    """[responses, state_width] in double precision; gates are a softmax times their number, as encoders give them."""
    generator = torch.Generator().manual_seed(seed)
    z = scale * torch.randn(responses, head.state_width, generator=generator, dtype=torch.float64)
    return torch.cat([z[:, : head.width], head.extra_width * z[:, head.width :].softmax(-1)], dim=-1)


@every_head
@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_log_odds_change_sign_when_responses_change_places(head, seed):
    states = some_states(head, seed)
    a, b = states[:, None], states[None, :]
    assert torch.equal(head.log_odds(a, b), -head.log_odds(b, a))


@every_head
@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_preferences_are_the_sigmoid_of_the_log_odds_and_add_up_to_1(head, seed):
    states = some_states(head, seed)
    P = head.preferences(states)
    torch.testing.assert_close(P, head.log_odds(states[:, None], states[None, :]).sigmoid())
    torch.testing.assert_close(P + P.T, torch.ones_like(P))
    assert (P.diagonal() == 0.5).all()


@every_head
def test_the_diagonal_is_exactly_a_half_in_single_precision_too(head):
    P = head.preferences(some_states(head, 3).float())
    assert (P.diagonal() == 0.5).all()


@every_head
@given(seed=st.integers(0, 10**6), order=st.permutations(range(5)))
@settings(max_examples=15, deadline=None)
def test_permuting_responses_permutes_preferences_and_utilities(head, seed, order):
    states = some_states(head, seed)
    torch.testing.assert_close(head.preferences(states[order]), head.preferences(states)[order][:, order])
    torch.testing.assert_close(head.utilities(states[order]), head.utilities(states)[order])


@every_head
def test_repeating_a_response_leaves_the_preferences_between_the_others_alone(head):
    states = some_states(head, 0)
    repeated = torch.cat([states, states[1:2]])
    torch.testing.assert_close(head.preferences(repeated)[:5, :5], head.preferences(states))
    torch.testing.assert_close(head.preferences(repeated)[5], head.preferences(repeated)[1])


@every_head
def test_a_single_response_has_a_utility_and_no_rival(head):
    states = some_states(head, 0, responses=1)
    assert head.preferences(states).tolist() == [[0.5]]
    assert head.utilities(states).shape == (1,)


@every_head
@pytest.mark.parametrize("size", [1e4, -1e4, 0.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_states_give_finite_log_odds_and_gradients(head, size, dtype):
    states = torch.full((3, head.state_width), size, dtype=dtype)
    states[1] *= -1
    states[2, ::2] *= -1
    states.requires_grad_()
    log_odds = head.log_odds(states[:, None], states[None, :])
    log_odds.square().clamp(max=1e30).sum().backward()
    assert log_odds.isfinite().all()
    assert states.grad is not None
    assert states.grad.isfinite().all()


@every_head
def test_derivatives_of_the_log_odds_are_those_of_finite_differences(head):
    states = some_states(head, 1, scale=1.0).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: head.log_odds(z[:, None], z[None, :])[0, 1:], states)
    assert torch.autograd.gradcheck(head.utilities, states)


@every_head
def test_settings_make_the_same_head_again(head):
    assert make_head(head.name, **head.settings()) == head


@pytest.mark.parametrize("name", ["scalar", "general", "hybrid", "mixture", "gaussian"])
def test_heads_without_a_crowd_say_which_head_has_one(name):
    with pytest.raises(HeadError, match="distributional"):
        make_head(name).distributions(torch.zeros(2, 8))


@every_head
def test_a_head_says_what_it_can_say_and_refuses_the_rest(head):
    states = some_states(head, 0)
    assert "preferences" in head.says
    assert ("opinions" in head.says) == (head.labels is not None)
    for output, read in (("opinions", head.distributions), ("spread", head.spread)):
        if output in head.says:
            assert len(read(states)) == len(states)
        else:
            with pytest.raises(HeadError, match=f"a {head.name} head"):
                read(states)
    if "utilities" in head.says:  # of a response by itself, whatever the others are
        torch.testing.assert_close(head.utilities(states)[:2], head.utilities(states[:2]))


@every_head
def test_what_a_head_adds_is_as_wide_as_it_says(head):
    extra = head.extra(hidden=7)
    assert (extra is None) == (head.added is None) == (head.extra_width == 0)
    if extra is not None:
        assert extra(torch.randn(4, 7)).shape == (4, head.extra_width)
    assert head.state_width == head.width + head.extra_width


def test_each_shape_of_preferences_has_the_head_that_says_what_it_needs():
    begun = {shape: all_heads()[head_for(shape)] for shape in get_args(Shape)}
    assert len(set(begun.values())) == len(begun)
    assert "opinions" in begun["opinions"].says
    assert "spread" in begun["spread"].says
    assert "utilities" in begun["order"].says
    assert "utilities" not in begun["circles"].says
    assert not any(head.joint for head in begun.values())


def test_a_plain_head_reads_one_logit_and_its_difference_is_the_log_odds():
    head = plain_head()
    assert head.width == head.state_width == 1
    assert head.log_odds(torch.tensor([2.0]), torch.tensor([0.5])) == 1.5


def test_only_settings_of_a_head_are_taken_from_the_data():
    filled = {head.name: head.from_data for head in all_heads().values() if head.from_data}
    assert filled == {"distributional": "labels"}
    for name, setting in filled.items():
        assert setting in make_head(name).settings()
        assert make_head(name, **{setting: (0.0, 2.0)}).labels == (0.0, 2.0)
