"""Imitation in training: the loss and gradient of two plain passes from one, and a model that speaks like the best."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from polypref import Comparison, Group, PreferenceModel, Rating
from polypref.errors import PolyprefError
from polypref.groups.writing import save_groups
from polypref.models.backbones import BackboneSettings
from polypref.models.imitation import language_head
from polypref.objectives import default_objective, make_objective
from polypref.training.data import batch_judgments, training_groups
from polypref.training.passes import backward, plan
from polypref.training.recipe import train
from tests.processes import start_two
from tests.tolerance import near

from .conftest import losses_of, make_backbone, make_groups, weights_of
from .test_passes import SGD, Plain, assert_same, gradients

GROUPS = make_groups(6, seed=3)
PLAIN = {"learning_rate": 0.05, "max_grad_norm": 1e9, "warmup": 0.0, "trainer": SGD}


@pytest.fixture(scope="session")
def speaker(tmp_path_factory):
    """The folder of a tiny language model, `speaker()`, with a head of its own or with `tied` embeddings."""
    made = {}

    def folder(tied=True):
        if tied not in made:
            made[tied] = make_backbone("llama", tmp_path_factory.mktemp("speaker"))
            config = AutoConfig.from_pretrained(made[tied], tie_word_embeddings=tied)
            with torch.random.fork_rng():
                torch.manual_seed(5)
                AutoModelForCausalLM.from_config(config).save_pretrained(made[tied])
        return made[tied]

    return folder


def prepared(folder, head="scalar", attention="auto", **settings):
    """A model that can imitate, its objective and its groups."""
    model = PreferenceModel.from_backbone(folder, head, backbone=BackboneSettings(attention=attention), **settings)
    model.encoder.language_head = language_head(model.encoder.classifier, folder, BackboneSettings())
    objective = default_objective(head)
    return model, objective, training_groups(GROUPS, model, objective, imitation=True)[0]


def plain_losses(encoder, items):
    """−log p of a token of each response, from a pass of its own, by the definition."""
    head = encoder.language_head.weight
    head = encoder.classifier.get_input_embeddings().weight if head is None else head
    found = []
    for item in items:
        tokens = torch.tensor(item.tokens[None].astype(np.int64))
        (pack,) = encoder.packs([[item]], 1)
        logits = encoder.hidden(pack) @ head.T
        log_p = logits[0, :-1].log_softmax(-1).gather(1, tokens[0, 1:, None])
        found.append(-log_p[item.boundary - 1 :].mean())
    return found


def two_passes(model, objective, kept, mu):
    """Σ wℓ / Σ w, then μ times the mean over groups of −log p of the best response's tokens, and the gradients."""
    encoder = copy.deepcopy(model.encoder)
    items = [item for group in kept for item in group.inputs]
    width = model.head.state_width
    states = torch.cat([encoder(pack)[:, :width] for item in items for pack in encoder.packs([[item]], 1)])
    losses, weights = objective.losses(model.head, states, batch_judgments(kept, model.head.joint))
    preference = (losses * weights).sum() / weights.sum()
    imitation = torch.stack(plain_losses(encoder, [item for item in items if item.foretold])).mean()
    (preference + mu * imitation).backward()
    return float(preference.detach()), float(imitation.detach()), gradients(encoder)


WAYS = {
    "tied": {},
    "untied": {"tied": False},
    "one by one": {"attention": "eager"},
    "gate": {"head": "general", "dim": 4, "gate": True},
    "checkpointing": {"checkpointing": True},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("budget", [1, 40, 1_000_000])
def test_passes_of_any_size_add_up_to_the_gradient_of_two_plain_passes(speaker, way, budget):
    settings = dict(WAYS[way])
    checkpointing = settings.pop("checkpointing", False)
    model, objective, kept = prepared(speaker(settings.pop("tied", True)), **settings)
    preference, imitation, expected = two_passes(model, objective, kept, 0.7)
    if checkpointing:
        model.encoder.classifier.activation_checkpointing_enable()
        model.encoder.train()
    passes = plan(model.encoder, kept, budget, model.head, objective)
    scale = 1 / sum(group.weight for group in kept)
    share = 1 / len(kept)
    found = [
        backward(work, Plain(model.encoder), model.head, objective, scale, at == len(passes) - 1, 0.7 * share)
        for at, work in enumerate(passes)
    ]
    assert sum(float(part.imitation) for part in found) * share == pytest.approx(imitation, rel=1e-4)
    assert sum(float(part.total) for part in found) == pytest.approx(preference + 0.7 * imitation, rel=1e-4)
    assert_same(gradients(model.encoder), expected)


def test_one_response_of_each_group_is_marked(speaker):
    _, _, kept = prepared(speaker())
    assert all(group.imitates and sum(item.foretold for item in group.inputs) == 1 for group in kept)


def test_the_best_response_is_computed_even_if_the_objective_does_not_use_what_was_said_of_it(speaker):
    model = PreferenceModel.from_backbone(speaker(), "distributional", labels=(1.0, 2.0))
    group = Group("?", ("a", "b", "c", "d"), (Comparison(1, 0),), (Rating(0, 2), Rating(3, 1)))
    (kept,), _ = training_groups([group], model, make_objective("transport"), imitation=True)
    assert [item.foretold for item in kept.inputs] == [False, True, False]  # of responses 0, 1 and 3
    assert kept.judgments.rated.tolist() == [0, 2]
    (kept,), _ = training_groups([group], model, make_objective("transport"))
    assert kept.responses == 2
    nobody = Group("?", ("a", "b"), (Comparison(1, 0),))
    assert training_groups([nobody], model, make_objective("transport"), imitation=True)[1].unjudged == 1


def imitation_losses_of(folder):
    history = json.loads((folder / "history.json").read_text())
    return [entry["imitation_loss"] for entry in history if "imitation_loss" in entry]


def test_the_loss_of_a_step_is_the_preference_loss_and_the_weighted_imitation_beside_it(trained, speaker, tmp_path):
    model, objective, kept = prepared(speaker())
    preference, imitation, _ = two_passes(model, objective, kept, 0.5)
    trained(GROUPS, **PLAIN, backbone=speaker(), imitation=0.5, tokens_per_pass=40)
    assert imitation_losses_of(tmp_path / "out")[0] == pytest.approx(imitation, rel=1e-4)
    assert losses_of(tmp_path / "out")[0] == pytest.approx(preference + 0.5 * imitation, rel=1e-4)


def test_small_passes_and_accumulated_batches_reach_the_weights_of_whole_batches(trained, speaker, tmp_path):
    groups = make_groups(20, seed=2)  # the last batch is a smaller one
    ways = {
        "whole": {"batch_size": 8},
        "passes": {"batch_size": 8, "tokens_per_pass": 30},
        "accumulated": {"batch_size": 4, "accumulation": 2},
        "again": {"batch_size": 4, "accumulation": 2},
    }
    for name, way in ways.items():
        trained(groups, **PLAIN, **way, backbone=speaker(), imitation=0.3, out=str(tmp_path / name))
    expected = weights_of(tmp_path / "whole")
    for name in ("passes", "accumulated"):
        assert imitation_losses_of(tmp_path / name) == pytest.approx(imitation_losses_of(tmp_path / "whole"), abs=1e-3)
        torch.testing.assert_close(weights_of(tmp_path / name), expected, rtol=0, atol=2e-5)
    torch.testing.assert_close(weights_of(tmp_path / "again"), weights_of(tmp_path / "accumulated"), rtol=0, atol=0)


def test_without_imitation_nothing_is_foretold(trained, speaker, tmp_path):
    result = trained(GROUPS, **PLAIN, backbone=speaker())
    assert result.model.encoder.language_head is None
    assert imitation_losses_of(tmp_path / "out") == []


@pytest.mark.parametrize(
    "changes", [{}, {"lora": {"rank": 4}}, {"precision": "bfloat16"}, {"gradient_checkpointing": True}]
)
def test_imitation_makes_the_best_responses_likelier_and_plain_training_does_not(speaker, tmp_path, changes, trained):
    groups = make_groups(12, seed=4)
    start, objective, _ = prepared(speaker(False))
    items = [
        item
        for group in training_groups(groups, start, objective, imitation=True)[0]
        for item in group.inputs
        if item.foretold
    ]

    @torch.no_grad()
    def loss(model):
        model.encoder.language_head = start.encoder.language_head
        return float(torch.stack(plain_losses(model.encoder, items)).mean())

    run = {"backbone": speaker(False), "epochs": 8, "learning_rate": 3e-3, **changes}
    plain = loss(trained(groups, **run, out=str(tmp_path / "plain")).model)
    imitating = loss(trained(groups, **run, imitation=1.0, out=str(tmp_path / "imitating")).model)
    assert plain > loss(start) - 0.1
    assert imitating < loss(start) - 0.5


def test_the_saved_model_is_an_ordinary_one_and_a_run_can_be_resumed(trained, speaker, settings, tmp_path):
    run = {"backbone": speaker(False), "imitation": 1.0, "epochs": 2, "save_steps": 1}
    whole = trained(GROUPS, **run, out=str(tmp_path / "whole"))
    trained(GROUPS, **{**run, "imitation": 0.0}, out=str(tmp_path / "plain"))
    assert weights_of(tmp_path / "whole").keys() == weights_of(tmp_path / "plain").keys()
    loaded = PreferenceModel.from_pretrained(tmp_path / "whole")
    near(loaded.utilities(GROUPS[0]), whole.model.utilities(GROUPS[0]))
    (tmp_path / "whole" / "config.json").unlink()  # as if it had been killed while saving the model
    (tmp_path / "whole" / "checkpoint-2" / "complete").unlink()
    train(settings(**run, out=str(tmp_path / "whole"), resume=True), GROUPS)
    torch.testing.assert_close(
        weights_of(tmp_path / "whole")["score.weight"], whole.model.encoder.state_layer.weight.detach()
    )


def test_held_out_groups_are_measured_as_without_imitation(trained, speaker, tmp_path):
    held_out = make_groups(3, seed=9)
    found = trained(GROUPS, held_out, backbone=speaker(), imitation=1.0, learning_rate=1e-9).metrics
    plain = trained(GROUPS, held_out, backbone=speaker(), learning_rate=1e-9, out=str(tmp_path / "plain")).metrics
    assert found["eval_loss"] == pytest.approx(plain["eval_loss"], abs=1e-5)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"frozen": True}, "frozen trains the last layer alone and imitation the backbone"),
        ({"head": "pair"}, "imitation is of single responses, and a pair head reads two"),
        ({"backbone": "bert"}, "is an encoder; choose a decoder"),
        ({"imitation": -1.0}, "the setting imitation is -1.0"),
    ],
)
def test_what_cannot_imitate_is_refused(trained, speaker, changes, reason):
    with pytest.raises(PolyprefError, match=reason):
        trained(GROUPS, **{"backbone": speaker(), "imitation": 1.0, **changes})


@pytest.mark.slow
def test_two_processes_reach_what_one_does(trained, speaker, tmp_path):
    groups = make_groups(16, most=6)
    save_groups(groups, tmp_path / "data.jsonl")
    run = {name: value for name, value in PLAIN.items() if name != "trainer"}
    run |= {"imitation": 0.5, "tokens_per_pass": 60, "logging_steps": 1, "state_layer_rate": 1.0}
    trained(groups, **run, trainer={"optim": "sgd"}, backbone=speaker(), batch_size=8, out=str(tmp_path / "one"))
    words = ["train", "--data", tmp_path / "data.jsonl", "--backbone", speaker(), "--batch-size", 4]
    words += ["--out", tmp_path / "two", "--set", "trainer.optim=sgd"]
    for setting, value in run.items():
        words += ["--set", f"{setting}={value}"]
    for process in start_two(*words):
        status, _, told = process.ended()
        assert status == 0, told
    assert imitation_losses_of(tmp_path / "two") == pytest.approx(imitation_losses_of(tmp_path / "one"), abs=1e-4)
    assert losses_of(tmp_path / "two") == pytest.approx(losses_of(tmp_path / "one"), abs=1e-4)
    torch.testing.assert_close(weights_of(tmp_path / "two"), weights_of(tmp_path / "one"), rtol=0, atol=1e-4)
