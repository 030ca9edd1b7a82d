"""What holds for every objective: exact derivatives, finite losses, one loss per judgment, clear refusals."""

import math

import pytest
import torch

from polypref.models.heads import all_heads, make_head
from polypref.objectives import (
    ObjectiveError,
    all_objectives,
    collate,
    default_objective,
    group_judgments,
    make_objective,
)

COST = ((0.0, 1.0, 3.0), (2.0, 0.0, 1.0), (5.0, 2.5, 0.0))
SYMMETRIC = ((0.0, 1.0, 4.0), (1.0, 0.0, 2.0), (4.0, 2.0, 0.0))
FROM_ONE_VOTER = ("scalar", "general", "hybrid", "mixture")
ANY = (*FROM_ONE_VOTER, "gaussian", "distributional", "beta")
CASES = [
    *(("logistic", {"margin": 0.5, "label_smoothing": 0.1}, head) for head in FROM_ONE_VOTER),
    *(("log-odds", {}, head) for head in ANY),
    *(("sign", {"width": 0.5}, head) for head in ANY),
    *(("borda", {"scale": 2.0}, head) for head in ("scalar", "general", "beta")),
    *(("copeland", {}, head) for head in ("scalar", "hybrid", "gaussian")),
    ("dpl", {"variance_penalty": 0.3}, "gaussian"),
    *(("dpl", {"entropy": 0.2}, head) for head in ("distributional", "beta")),
    *(("mean-squared", {}, head) for head in ("scalar", "gaussian", "distributional", "beta")),
    *(
        (name, {}, head)
        for name in ("cross-entropy", "kl", "ranked-probability")
        for head in ("distributional", "beta")
    ),
    ("transport", {}, "distributional"),
    ("transport", {}, "beta"),
    ("transport", {"power": 2.0}, "distributional"),
    ("transport", {"power": 1.5}, "beta"),
    ("transport", {"cost": COST}, "distributional"),
    ("transport", {"entropic": 0.5}, "distributional"),
    ("transport", {"entropic": 0.5, "cost": SYMMETRIC}, "beta"),
]
every_case = pytest.mark.parametrize(
    ("name", "settings", "head"), CASES, ids=[f"{name} {head} {settings}" for name, settings, head in CASES]
)


def some_states(head, rows=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, head.width, generator=generator, dtype=torch.float64)


def total(objective, head, states, batch):
    losses, weights = objective.losses(head, states, batch)
    return (weights * losses).sum() / weights.sum()


@every_case
@pytest.mark.parametrize("weigh", ["votes", "groups"])
def test_derivatives_are_those_of_finite_differences(name, settings, head, weigh, heads, batch):
    objective, head = make_objective(name, weigh=weigh, **settings), heads[head]
    objective.check(head)
    states = some_states(head).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: total(objective, head, z, batch), states, atol=1e-6)


@every_case
def test_there_is_one_loss_and_one_weight_per_judgment(name, settings, head, heads, batch):
    objective, head = make_objective(name, **settings), heads[head]
    losses, weights = objective.losses(head, some_states(head), batch)
    assert losses.shape == weights.shape == (4,)
    assert weights.tolist() == ([5, 2, 1, 1] if objective.uses == "comparisons" else [2, 4, 1, 1])


@every_case
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_states_give_finite_losses_and_gradients(name, settings, head, dtype, heads, batch):
    objective, head = make_objective(name, **settings), heads[head]
    states = torch.full((5, head.width), 1e4, dtype=dtype)
    states[1::2] *= -1
    states[3:, ::2] *= -1
    states.requires_grad_()
    losses, _ = objective.losses(head, states, batch.to(dtype=dtype))
    losses.clamp(max=1e30).sum().backward()
    assert losses.isfinite().all()
    assert states.grad.isfinite().all()


@every_case
def test_half_precision_states_lose_no_more_than_their_own_digits(name, settings, head, heads, batch):
    objective, head = make_objective(name, **settings), heads[head]
    half = some_states(head).bfloat16()
    losses, weights = objective.losses(head, half, batch.to(dtype=torch.float32))
    exact, _ = objective.losses(head, half.double(), batch)
    assert losses.dtype == weights.dtype == torch.float32
    torch.testing.assert_close(losses.double(), exact, rtol=1e-4, atol=1e-4)


@every_case
def test_autocast_changes_no_loss(name, settings, head, heads, batch):
    objective, head = make_objective(name, **settings), heads[head]
    states, single = some_states(head).float(), batch.to(dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        cast, _ = objective.losses(head, states, single)
    torch.testing.assert_close(cast, objective.losses(head, states, single)[0])


@every_case
def test_the_loss_does_not_depend_on_the_order_of_the_responses(name, settings, head, heads, groups):
    objective, head = make_objective(name, **settings), heads[head]
    states = some_states(head, rows=3)
    new = [2, 0, 1]  # where each response goes
    group = groups[0]
    moved = type(group)(
        group.prompt,
        [group.responses[new.index(k)] for k in range(3)],
        [type(c)(new[c.i], new[c.j], c.p, weight=c.weight, margin=c.margin) for c in group.comparisons],
        [type(r)(new[r.i], r.label, weight=r.weight) for r in group.ratings],
    )
    before, after = (collate([group_judgments(each, (1, 2, 4))], [3], dtype=torch.float64) for each in (group, moved))
    permuted = states[[new.index(k) for k in range(3)]]
    torch.testing.assert_close(total(objective, head, states, before), total(objective, head, permuted, after))


@every_case
def test_a_batch_without_judgments_has_no_losses(name, settings, head, heads, groups):
    objective, head = make_objective(name, **settings), heads[head]
    silent = type(groups[0])("p", ["a", "b"])
    batch = collate([group_judgments(silent, (1, 2, 4))], [2], dtype=torch.float64)
    losses, weights = objective.losses(head, some_states(head, rows=2), batch)
    assert losses.shape == weights.shape == (0,)


def test_every_objective_names_its_heads_and_every_head_has_a_default():
    assert sorted(all_objectives()) == [
        "borda", "copeland", "cross-entropy", "dpl", "kl", "log-odds", "logistic", "mean-squared",
        "ranked-probability", "sign", "transport"
    ]  # fmt: skip
    for objective in all_objectives().values():
        assert objective.heads()
        assert set(all_heads()) >= set(objective.heads())
    for head in all_heads():
        assert head in default_objective(head).heads()
    assert default_objective("distributional").name == "transport"
    assert default_objective("gaussian").name == "dpl"
    assert default_objective("scalar").name == default_objective("general").name == "logistic"


def test_a_head_that_does_not_fit_is_refused_with_what_does():
    with pytest.raises(
        ObjectiveError,
        match=r"general or hybrid or mixture or pair or scalar, not gaussian; .* are borda, copeland, dpl, log-odds",
    ):
        make_objective("logistic").check(make_head("gaussian"))
    with pytest.raises(ObjectiveError, match="variance_penalty is for a gaussian head"):
        make_objective("dpl", variance_penalty=1).check(make_head("distributional"))
    with pytest.raises(ObjectiveError, match="entropy is for a distributional head"):
        make_objective("dpl", entropy=1).check(make_head("gaussian"))
    with pytest.raises(ObjectiveError, match="is 3 × 3 and the head has 6 labels"):
        make_objective("transport", cost=COST).check(make_head("distributional"))


def test_data_that_do_not_fit_are_refused_with_what_does():
    make_objective("logistic").check_data(comparisons=1, ratings=0)
    make_objective("transport").check_data(comparisons=0, ratings=1)
    with pytest.raises(ObjectiveError, match=r"hold 9 ratings and no comparisons.* use transport"):
        make_objective("logistic").check_data(comparisons=0, ratings=9)
    with pytest.raises(ObjectiveError, match=r"hold 9 comparisons and no numeric ratings.* use logistic .* or dpl"):
        make_objective("transport").check_data(comparisons=9, ratings=0)
    with pytest.raises(ObjectiveError, match="nothing to learn from"):
        make_objective("transport").check_data(comparisons=0, ratings=0)


def test_judgments_with_other_labels_than_the_head_are_refused(batch):
    head = make_head("distributional", labels=(1, 2))
    with pytest.raises(ObjectiveError, match="count 3 labels and the head has 2"):
        make_objective("kl").losses(head, torch.zeros(5, 2), batch)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("logistic", {"weigh": "pairs"}),
        ("logistic", {"label_smoothing": 0.5}),
        ("logistic", {"margin": -1.0}),
        ("dpl", {"entropy": -0.1}),
        ("transport", {"power": 0.5}),
        ("transport", {"entropic": 0.0}),
        ("transport", {"cost": ((0.0, 1.0),)}),
        ("transport", {"cost": ((0.0, -1.0), (1.0, 0.0))}),
        ("transport", {"cost": ((1.0, 1.0), (1.0, 0.0))}),
        ("transport", {"cost": COST, "entropic": 0.1}),
        ("transport", {"cost": COST, "power": 2.0}),
        ("transport", {"temperature": 1.0}),
        ("bradley", {}),
    ],
)
def test_settings_without_meaning_are_refused(name, settings):
    with pytest.raises(ObjectiveError):
        make_objective(name, **settings)


def test_a_loss_of_certainty_is_linear_not_infinite():
    assert math.isclose(share_loss(100.0, 0.0), 100)


def share_loss(log_odds, share):
    from polypref.objectives.logistic import share_cross_entropy

    return share_cross_entropy(torch.tensor(log_odds), torch.tensor(share)).item()


def test_what_a_head_says_decides_which_objectives_train_it():
    fitting = {name: objective.heads() for name, objective in all_objectives().items()}
    assert {"general", "pair", "scalar"} <= set(fitting["logistic"])
    assert fitting["logistic"] == [name for name, head in all_heads().items() if "scores" in head.says]
    assert fitting["log-odds"] == list(all_heads())
    assert fitting["dpl"] == ["distributional", "gaussian"]
    assert fitting["mean-squared"] == ["distributional", "gaussian", "mixture", "scalar"]
    for name in ("cross-entropy", "kl", "ranked-probability", "transport"):
        assert fitting[name] == ["distributional"]


def test_an_unknown_head_has_no_default():
    with pytest.raises(ObjectiveError, match=r"unknown head 'vague'.* known are distributional, gaussian"):
        default_objective("vague")
