"""A step has the gradient of the undivided loss Σ wℓ / Σ w, however it is divided into passes and batches."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from polypref import Comparison, Group, Rating
from polypref.models.backbones import BackboneSettings
from polypref.models.preference_model import PreferenceModel
from polypref.objectives import default_objective, make_objective
from polypref.training.data import batch_judgments, training_groups
from polypref.training.passes import backward, in_step, plan
from tests.tolerance import allowance

from .conftest import losses_of, make_groups, weights_of

GROUPS = make_groups(6, seed=3)
HEADS = {
    "scalar": {},
    "general": {"dim": 4},
    "distributional": {"labels": (1.0, 2.0, 3.0)},
    "gaussian": {},
    "pair": {},
}
CASES = [(head, backbone) for head in HEADS for backbone in ("llama", "bert")]


class Plain:
    """Forward and backward in one process."""

    def __init__(self, encoder):
        self.encoder = encoder

    def states(self, pack, last):
        return self.encoder(pack)

    def backward(self, values, gradient, last):
        values.backward(gradient)


class Remembering(Plain):
    """Keeps all states in the order they were computed."""

    def __init__(self, encoder):
        super().__init__(encoder)
        self.seen = []

    def states(self, pack, last):
        states = super().states(pack, last)
        self.seen.append(states.detach().clone())
        return states


def prepared(tiny, head, backbone):
    dropping = BackboneSettings(dropout=backbone.startswith("dropping"))
    model = PreferenceModel.from_backbone(tiny(backbone), head, backbone=dropping, **HEADS[head])
    objective = make_objective("transport") if head == "distributional" else default_objective(head)
    kept, _ = training_groups(GROUPS, model, objective)
    return model, objective, kept


def gradients(encoder):
    return {name: p.grad.clone() for name, p in encoder.named_parameters() if p.grad is not None}


def undivided(model, objective, kept):
    """Loss and gradients of all groups in a single pass, by the definition."""
    encoder = copy.deepcopy(model.encoder)
    states = torch.cat(
        [encoder(pack) for group in kept for item in group.inputs for pack in encoder.packs([[item]], 1)]
    )
    losses, weights = objective.losses(model.head, states, batch_judgments(kept, model.head.joint))
    loss = (losses * weights).sum() / weights.sum()
    loss.backward()
    return float(loss.detach()), gradients(encoder)


def assert_same(found, expected):
    """Up to the rounding of the largest entry: passes and packs add them up in other orders."""
    assert found.keys() == expected.keys()
    largest = max(float(gradient.abs().max()) for gradient in expected.values())
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], rtol=0, atol=allowance(largest), msg=name)


@pytest.mark.parametrize(("head", "backbone"), CASES)
@pytest.mark.parametrize("budget", [1, 40, 1_000_000])
def test_passes_of_any_size_add_up_to_the_gradient_of_the_undivided_loss(tiny, head, backbone, budget):
    model, objective, kept = prepared(tiny, head, backbone)
    expected_loss, expected = undivided(model, objective, kept)
    passes = plan(model.encoder, kept, budget, model.head, objective)
    if budget == 1:
        assert max(len(work.packs) for work in passes) > 1  # groups are split, so gradients are cached
    scale = 1 / sum(group.weight for group in kept)
    found = sum(
        float(backward(work, Plain(model.encoder), model.head, objective, scale, at == len(passes) - 1).total)
        for at, work in enumerate(passes)
    )
    assert found == pytest.approx(expected_loss, rel=1e-5)
    assert_same(gradients(model.encoder), expected)


def one_group(tiny, head, comparisons=(), ratings=(), **settings):
    """The passes of a group of five responses, each in a pack of its own, and what is needed to compute them."""
    group = Group("Which?", tuple("abcde"), comparisons, ratings, scale=(1, 2, 3))
    model = PreferenceModel.from_backbone(tiny("bert"), head, **HEADS[head])
    objective = make_objective(**{"name": default_objective(head).name, **settings})
    kept, _ = training_groups([group], model, objective)
    (work,) = plan(model.encoder, kept, 1, model.head, objective)
    return model, objective, kept, work


def test_only_the_response_that_all_others_are_compared_with_is_computed_twice(tiny):
    star = tuple(Comparison(2, other, p=0.2 * other) for other in (0, 1, 3, 4))
    model, objective, kept, work = one_group(tiny, "general", star)
    assert (len(work.packs), work.early) == (5, 1)
    stepper = Remembering(model.encoder)
    backward(work, stepper, model.head, objective, 1 / kept[0].weight, True)
    assert len(stepper.seen) == 6
    assert_same(gradients(model.encoder), undivided(model, objective, kept)[1])


@pytest.mark.parametrize("backbone", ["llama", "bert"])
@pytest.mark.parametrize("budget", [1, 1_000_000])
def test_a_response_given_twice_collects_the_gradients_of_both(tiny, backbone, budget):
    group = Group("Which?", ("a", "b", "a", "c"), (Comparison(0, 1), Comparison(2, 3, p=0.7), Comparison(3, 1)))
    model = PreferenceModel.from_backbone(tiny(backbone), "general", dim=4)
    objective = default_objective("general")
    kept, _ = training_groups([group], model, objective)
    (work,) = plan(model.encoder, kept, budget, model.head, objective)
    backward(work, Plain(model.encoder), model.head, objective, 1 / kept[0].weight, True)
    assert_same(gradients(model.encoder), undivided(model, objective, kept)[1])


def test_where_all_are_compared_with_all_only_one_is_computed_once(tiny):
    every = tuple(Comparison(i, j) for i in range(5) for j in range(i))
    _, _, _, work = one_group(tiny, "scalar", every)
    assert work.early == 4


def test_ratings_need_nothing_twice(tiny):
    ratings = tuple(Rating(i, 1 + i % 3) for i in range(5))
    _, _, _, work = one_group(tiny, "distributional", ratings=ratings, name="transport")
    assert (len(work.packs), work.early) == (5, 0)


def test_a_regulariser_of_the_whole_group_has_its_gradient_too(tiny):
    star = tuple(Comparison(2, other, p=0.2 * other) for other in (0, 1, 3, 4))
    model, objective, kept, work = one_group(tiny, "distributional", star, name="dpl", entropy=0.5)
    assert work.early == 4
    backward(work, Plain(model.encoder), model.head, objective, 1 / kept[0].weight, True)
    assert_same(gradients(model.encoder), undivided(model, objective, kept)[1])


def test_every_group_is_in_one_pass_and_every_pack_within_the_budget(tiny):
    model, objective, kept = prepared(tiny, "scalar", "llama")
    passes = plan(model.encoder, kept, 90, model.head, objective)
    assert sorted(group.group.prompt for work in passes for group in work.groups) == sorted(
        group.group.prompt for group in kept
    )
    for work in passes:
        for pack in work.packs:
            assert pack.tokens <= 90 or len(pack.members) == 1


def test_idle_packs_change_neither_loss_nor_gradient(tiny):
    model, objective, kept = prepared(tiny, "general", "llama")
    expected_loss, expected = undivided(model, objective, kept)
    passes = plan(model.encoder, kept, 60, model.head, objective)
    (idle,) = model.encoder.packs([[kept[0].inputs[0]]], 60)
    shape = [len(work.packs) + 2 for work in sorted(passes, key=lambda work: -len(work.packs))] + [3, 1]
    longer = in_step(passes, shape, idle)
    assert [len(work.packs) for work in longer] == shape
    scale = 1 / sum(group.weight for group in kept)
    found = sum(
        float(backward(work, Plain(model.encoder), model.head, objective, scale, False).total) for work in longer
    )
    assert found == pytest.approx(expected_loss, rel=1e-5)
    assert_same(gradients(model.encoder), expected)


def test_states_that_are_computed_again_have_the_dropout_they_had(tiny):
    model, objective, kept = prepared(tiny, "scalar", "dropping bert")
    model.encoder.train()
    (work, *_) = sorted(plan(model.encoder, kept, 1, model.head, objective), key=lambda work: -work.early)
    split = work.early
    assert split >= 2
    stepper = Remembering(model.encoder)
    backward(work, stepper, model.head, objective, 1.0, True)
    first, again = stepper.seen[:split], stepper.seen[len(work.packs) :]
    for before, after in zip(first, again, strict=True):
        torch.testing.assert_close(before, after, rtol=0, atol=0)
    assert not torch.equal(model.encoder(work.packs[0]), model.encoder(work.packs[0]))  # it does drop


SGD = {"optim": "sgd"}  # Adam would blow up rounding errors of gradients near 0
EXACT = {"head": "general", "head_settings": {"dim": 4}, "learning_rate": 0.1, "max_grad_norm": 1e9, "warmup": 0.0}


def by_hand(model, groups, weigh):
    """Σ wℓ / Σ w of the cross-entropy, from the probabilities that the model gives."""
    total, count = 0.0, 0.0
    for group, p in zip(groups, model.preferences(list(groups)), strict=True):
        losses = [-(c.p * np.log(p[c.i, c.j]) + (1 - c.p) * np.log(p[c.j, c.i])) for c in group.comparisons]
        weights = [c.weight for c in group.comparisons]
        share = 1.0 if weigh == "votes" else 1 / sum(weights)
        total += share * float(np.dot(weights, losses))
        count += share * sum(weights)
    return total / count


@pytest.mark.parametrize("weigh", ["votes", "groups"])
def test_the_loss_of_a_step_is_that_of_plain_states(trained, tiny, weigh, tmp_path):
    groups = make_groups(8, seed=1)
    before = PreferenceModel.from_backbone(tiny("llama"), "general", dim=4)
    trained(groups, **EXACT, trainer=SGD, objective_settings={"weigh": weigh}, tokens_per_pass=50)
    assert losses_of(tmp_path / "out")[0] == pytest.approx(by_hand(before, groups, weigh), rel=1e-4)


@pytest.mark.parametrize("backbone", ["llama", "bert"])
def test_small_passes_and_accumulated_batches_reach_the_weights_of_whole_batches(trained, tmp_path, backbone):
    groups = make_groups(20, seed=2)  # the last batch is a smaller one
    ways = {
        "whole": {"batch_size": 8},
        "passes": {"batch_size": 8, "tokens_per_pass": 30},
        "accumulated": {"batch_size": 4, "accumulation": 2},
    }
    for name, way in ways.items():
        trained(groups, **EXACT, **way, backbone=backbone, trainer=SGD, out=str(tmp_path / name))
    expected = weights_of(tmp_path / "whole")
    for name in ("passes", "accumulated"):
        assert losses_of(tmp_path / name) == pytest.approx(losses_of(tmp_path / "whole"), abs=1e-3)
        torch.testing.assert_close(weights_of(tmp_path / name), expected, rtol=0, atol=2e-5)


def test_only_responses_that_are_judged_are_computed(tiny):
    from polypref import Comparison, Group

    model = PreferenceModel.from_backbone(tiny("llama"), "scalar")
    group = Group("?", ("a", "b", "c", "d"), (Comparison(3, 1, 0.75),))
    (kept,), _ = training_groups([group], model, default_objective("scalar"))
    assert kept.responses == 2
    assert (kept.judgments.first.tolist(), kept.judgments.second.tolist()) == ([0], [1])
    assert kept.judgments.share.tolist() == [0.25]  # of the votes, for response 1 over response 3
    expected = model.tokenize(group)
    for item, at in zip(kept.inputs, (1, 3), strict=True):
        np.testing.assert_array_equal(item.tokens, expected[at].tokens)


def test_the_state_layer_learns_faster_than_the_backbone(trained, tiny, tmp_path):
    start = PreferenceModel.from_backbone(tiny("llama"), "scalar")
    trained(make_groups(8), learning_rate=1e-4, state_layer_rate=50.0, warmup=0.0)  # the first step of Adam is ±rate
    end = PreferenceModel.from_pretrained(Path(tmp_path / "out"))
    moved = {
        name: float((after - before).detach().abs().max())
        for (name, before), after in zip(start.encoder.named_parameters(), end.encoder.parameters(), strict=True)
    }
    new = moved.pop("classifier.score.weight")
    assert new == pytest.approx(50e-4, rel=0.05)
    assert max(moved.values()) == pytest.approx(1e-4, rel=0.05)
