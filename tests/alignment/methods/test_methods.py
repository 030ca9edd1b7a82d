"""What methods aim at: by hand, and that tables and losses of tensors mean the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, log_softmax

from polypref.alignment.methods import MethodError, View, all_methods, make_method

NAMES = sorted(all_methods())
SCORES = np.array([[0.0, 2.0, -1.0], [-2.0, 0.0, 3.0], [1.0, -3.0, 0.0]])


def view_of(k: int = 4, seed: int = 0, **changes) -> tuple[View, np.ndarray]:
    """A table seen from a random policy, and the log-probabilities of its reference."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(k, k))
    reference, last, now, older = (log_softmax(rng.normal(size=k)) for _ in range(4))
    weights = np.exp(last)
    made = View(
        scores=scores - scores.T,
        previous=last - reference,
        weights=weights,
        opponents=np.broadcast_to(weights, (k, k)),
        current=now - reference,
        history=(older - reference,),
        step=3,
        rewards=rng.normal(size=(2, k)),
        lengths=rng.integers(1, 9, k).astype(float),
    )
    return made, reference


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_the_exact_minimum_has_no_gradient(name, seed) -> None:
    view, reference = view_of(seed=seed)
    method = make_method(name, **({"beta": 3.0} if "beta" in make_method(name).settings() else {}))
    aim = method.aim(view)
    found = method.minimum(aim, reference)
    logits = torch.tensor(found + reference, dtype=torch.double, requires_grad=True)
    loss = method.loss(logits.log_softmax(0) - torch.tensor(reference), aim)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert gradient.abs().max() < 1e-9
    for nudge in np.random.default_rng(seed).normal(size=(5, 4)) * 0.05:
        near = (torch.tensor(found + reference + nudge)).log_softmax(0) - torch.tensor(reference)
        assert method.loss(near, aim) > loss


def test_aims_by_hand() -> None:
    last = np.log([0.5, 0.2, 0.3]) - np.log(1 / 3)
    weights = np.array([0.5, 0.2, 0.3])
    view = View(SCORES, last, weights, np.broadcast_to(weights, (3, 3)), last, step=4)
    P = expit(SCORES)
    gpo = make_method("gpo", beta=2.0).aim(view)
    np.testing.assert_allclose(gpo.target, (SCORES @ weights) / 2)
    np.testing.assert_allclose(gpo.anchor, last)
    np.testing.assert_allclose(make_method("sppo", beta=0.5).aim(view).target, (P @ weights - 0.5) / 0.5)
    inpo = make_method("inpo", eta=2.0, tau=0.5).aim(view)
    np.testing.assert_allclose(inpo.anchor, 0.75 * last)
    np.testing.assert_allclose(inpo.target, (P - 0.5) / 2)
    hard = make_method("inpo", eta=2.0, hard=True).aim(view).target
    np.testing.assert_allclose(hard[0], [0, 1 / 4, -1 / 4])
    ipo = make_method("ipo", beta=0.1, hard=True).aim(view)
    np.testing.assert_allclose(ipo.target[0], [0, 5, -5])
    assert not ipo.anchor.any()
    utility = SCORES.mean(axis=1)
    cyclic = SCORES - (utility[:, None] - utility)
    dsppo = make_method("dsppo", beta=1.0).aim(view).target  # λ/√4 = ½
    np.testing.assert_allclose(dsppo, 1.5 * (utility - weights @ utility) + 0.5 * cyclic @ weights)


def test_several_opponents_are_weighed_by_age() -> None:
    view, _ = view_of()
    aim = make_method("mnpo", eta=1.0, tau=0.2, decay=0.25, opponents=2).aim(view)
    np.testing.assert_allclose(aim.anchor, 0.8 * (view.previous + 0.25 * view.history[0]) / 1.25)
    one = make_method("mnpo", eta=1.0, tau=0.2, opponents=1).aim(view)
    np.testing.assert_allclose(one.anchor, make_method("inpo", eta=1.0, tau=0.2).aim(view).anchor)


@given(st.integers(0, 10**6))
def test_the_policy_as_it_stands_is_that_of_the_last_weighed_again(seed) -> None:
    view, reference = view_of(seed=seed)
    now = np.exp(view.current + reference)
    np.testing.assert_allclose(view.against_current(view.preferences), view.preferences @ now, atol=1e-9)


def test_only_samples_leave_the_response_itself_out() -> None:
    opponents = (1 - np.eye(3)) / 2
    view = View(SCORES, np.zeros(3), np.full(3, 1 / 3), opponents, np.zeros(3))
    np.testing.assert_allclose(view.against_previous(SCORES), SCORES.sum(axis=1) / 2)


def test_the_least_favourable_reward_is_distilled() -> None:
    view, reference = view_of()
    rewards = np.array([[0.0, 1.0, 0.0, 0.0], [0.0, -2.0, 0.0, 0.0]])
    loved = log_softmax(np.array([0.0, 3.0, 0.0, 0.0])) - reference  # answers with the second: the other model hates it
    view = View(**{**vars(view), "rewards": rewards, "current": loved})
    np.testing.assert_allclose(make_method("distillation", beta=2.0).aim(view).target[1], [-1, 0, -1, -1])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: make_method("gop"), "unknown method 'gop'; known are comal"),
        (lambda: make_method("gpo", eta=1), "gpo has no setting 'eta'; it has beta"),
        (lambda: make_method("gpo", beta=0.0), "beta of gpo is 0.0; it must be a finite number above 0"),
        (lambda: make_method("inpo", tau=2.0), "tau of inpo is 2.0, above eta 1.0"),
        (lambda: make_method("comal", period=0), "period of comal is 0"),
        (lambda: make_method("mnpo", opponents=0), "opponents of mnpo are 0"),
        (lambda: make_method("ln-gpo").aim(View(**{**vars(view_of()[0]), "lengths": None})), "lengths of responses"),
        (lambda: make_method("distillation").aim(View(**{**vars(view_of()[0]), "rewards": None})), "needs the rewards"),
    ],
)
def test_bad_settings_are_refused(call, words) -> None:
    with pytest.raises(MethodError, match=words):
        call()
