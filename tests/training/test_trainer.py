"""What a run keeps and shows: the best checkpoint, its history, TensorBoard; and the same numbers for the same seed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import TrainerCallback

from polypref import Group, PreferenceModel, Rating
from polypref.training.recipe import train
from tests.tolerance import near

from .conftest import losses_of, make_groups, weights_of

GROUPS, HELD_OUT = make_groups(24), make_groups(10, seed=9)
OVERFITTING = {"epochs": 8, "learning_rate": 0.01, "backbone": "bert"}


def evaluations(result):
    return [entry for entry in result.history if "eval_loss" in entry]


def test_the_best_checkpoint_becomes_the_model(settings):
    result = train(settings(**OVERFITTING, best_metric="loss"), GROUPS, HELD_OUT)
    *during, final = [entry["eval_loss"] for entry in evaluations(result)]
    assert during.index(min(during)) < len(during) - 1  # the last is not the best, or nothing is shown
    assert final == result.metrics["eval_loss"] == pytest.approx(min(during), rel=1e-6)
    saved = PreferenceModel.from_pretrained(result.out)
    for found, expected in zip(saved.preferences(HELD_OUT), result.model.preferences(HELD_OUT), strict=True):
        near(found, expected)


def test_without_a_best_metric_the_last_weights_are_the_model(settings):
    result = train(settings(**OVERFITTING), GROUPS, HELD_OUT)
    assert result.metrics["eval_loss"] == evaluations(result)[-1]["eval_loss"]
    judgment = train(settings(**OVERFITTING, out=f"{result.out}-again"), GROUPS, HELD_OUT).metrics
    assert judgment == result.metrics


def test_patience_ends_a_run_that_gets_no_better(settings):
    config = settings(**{**OVERFITTING, "epochs": 30}, best_metric="loss", patience=2, eval_steps=3, save_steps=3)
    result = train(config, GROUPS, HELD_OUT)
    during = [entry["eval_loss"] for entry in evaluations(result)][:-1]
    assert result.steps < 90
    assert during.index(min(during)) == len(during) - 3


def test_accuracy_is_better_when_higher(settings):
    result = train(settings(**OVERFITTING, best_metric="accuracy"), GROUPS, HELD_OUT)
    during = [entry["eval_accuracy"] for entry in evaluations(result)][:-1]
    assert result.metrics["eval_accuracy"] == max(during)
    assert min(during) < max(during)


def test_metrics_are_those_of_the_saved_model_on_the_held_out_groups(settings):
    from polypref.evaluation.assessment import Assessor

    result = train(settings(head="general", head_settings={"dim": 4}), GROUPS, HELD_OUT)
    model = PreferenceModel.from_pretrained(result.out)
    assessor = Assessor(resamples=1)
    for group, known in model.encode(HELD_OUT):
        assessor.add(group, known)
    found = assessor.assessment().pairwise
    assert result.metrics["eval_accuracy"] == pytest.approx(found.accuracy.value)
    assert result.metrics["eval_brier"] == pytest.approx(found.brier.value, abs=1e-6)


def test_a_pair_head_is_trained_and_judged_too(settings):
    result = train(settings(head="pair"), GROUPS, HELD_OUT)
    assert {"eval_loss", "eval_accuracy"} <= set(result.metrics)


def test_history_can_be_plotted(settings):
    result = train(settings(epochs=2), GROUPS, HELD_OUT)
    history = json.loads((result.out / "history.json").read_text())
    curve = [(entry["step"], entry["loss"]) for entry in history if "loss" in entry]
    held_out = [(entry["step"], entry["eval_loss"]) for entry in history if "eval_loss" in entry]
    assert [step for step, _ in curve] == [1, 2, 3, 4, 5, 6]
    assert [step for step, _ in held_out] == [3, 6]  # after each epoch
    assert all(isinstance(value, float) for _, value in curve + held_out)


def test_history_is_there_when_the_model_is(settings, monkeypatch):
    """A process that ends between the two leaves no finished run without history."""

    def end(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("polypref.training.trainer.PreferenceTrainer.save_final", end)
    config = settings()
    with pytest.raises(KeyboardInterrupt):
        train(config, GROUPS)
    assert (Path(config.out) / "history.json").exists()


def test_a_loss_logged_over_several_steps_is_their_mean(settings, tmp_path):
    train(settings(epochs=2, out=str(tmp_path / "each")), GROUPS)
    train(settings(epochs=2, logging_steps=3, out=str(tmp_path / "third")), GROUPS)
    each, third = losses_of(tmp_path / "each"), losses_of(tmp_path / "third")
    assert third == pytest.approx([each[0], (each[1] + each[2]) / 2, sum(each[3:]) / 3], abs=1e-4)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of tensorboard's own imports
def test_tensorboard_shows_the_curves(settings, monkeypatch, tmp_path):
    pytest.importorskip("tensorboard")
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "runs"))
    train(settings(report_to=["tensorboard"]), GROUPS, HELD_OUT)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "runs"))
    events.Reload()
    assert {"train/loss", "eval/loss", "eval/accuracy"} <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("train/loss")] == [1, 2, 3]


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(settings, tmp_path):
    made = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        config = settings(backbone="dropping bert", dropout=True, seed=seed, out=str(tmp_path / name))
        train(config, GROUPS[:16])
        made[name] = weights_of(Path(config.out))
    torch.testing.assert_close(made["a"], made["b"], rtol=0, atol=0)
    assert any(not torch.equal(made["a"][name], made["c"][name]) for name in made["a"])


def test_computing_in_bfloat16_is_close(settings, tmp_path):
    single = train(settings(out=str(tmp_path / "single")), GROUPS, HELD_OUT)
    half = train(settings(precision="bfloat16", out=str(tmp_path / "half")), GROUPS, HELD_OUT)
    losses = losses_of(single.out), losses_of(half.out)
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], abs=0.03)
    assert all(tensor.dtype == torch.float32 for tensor in weights_of(half.out).values())


def test_weights_in_bfloat16_stay_so(settings):
    result = train(settings(dtype="bfloat16", head="general"), GROUPS[:8])
    assert all(tensor.dtype == torch.bfloat16 for tensor in weights_of(result.out).values())
    assert PreferenceModel.from_pretrained(result.out).states(GROUPS[0]).shape[0] == len(GROUPS[0])


def test_gradient_checkpointing_changes_nothing(settings, tmp_path):
    for name, on in (("without", False), ("with", True)):
        train(settings(gradient_checkpointing=on, out=str(tmp_path / name)), GROUPS[:16])
    assert losses_of(tmp_path / "with") == pytest.approx(losses_of(tmp_path / "without"), abs=1e-4)


def test_the_model_handed_back_is_the_one_that_was_saved(settings):
    result = train(settings(precision="bfloat16"), GROUPS[:8])
    saved = PreferenceModel.from_pretrained(result.out)
    near(result.model.states(GROUPS[0]), saved.states(GROUPS[0]))


def test_the_training_opinion_is_that_of_the_votes_whatever_prior_training_took(settings):
    rated = [Group(f"prompt {at}", ("a", "b"), ratings=(Rating(0, 1), Rating(1, 3))) for at in range(4)]
    result = train(settings(head="distributional", prior=5.0, head_settings={"labels": [1, 2, 3]}), rated)
    assert result.model.training_opinion == pytest.approx((0.5, 0.0, 0.5))


def test_weight_decay_leaves_biases_and_norms_alone(settings):
    rates = {}

    class Look(TrainerCallback):
        def on_train_begin(self, args, state, control, model=None, optimizer=None, **_):
            names = {id(parameter): name for name, parameter in model.named_parameters()}
            for group in optimizer.param_groups:
                rates.update({names[id(p)]: (group["weight_decay"], group["initial_lr"]) for p in group["params"]})

    train(settings("bert", weight_decay=0.1, state_layer_rate=10.0, learning_rate=1e-4), GROUPS[:8], watchers=[Look()])
    assert rates["classifier.classifier.weight"] == (0.1, pytest.approx(1e-3))
    assert rates["classifier.classifier.bias"] == (0.0, pytest.approx(1e-3))
    assert rates["classifier.bert.pooler.dense.weight"] == (0.1, pytest.approx(1e-4))
    assert {decay for name, (decay, _) in rates.items() if "LayerNorm" in name} == {0.0}


def test_the_only_step_of_a_short_run_learns_at_the_full_rate(trained):
    run = trained(make_groups(4), learning_rate=1e-3)
    assert run.steps == 1
    assert [entry["learning_rate"] for entry in run.history if "loss" in entry] == [1e-3]


def test_warm_up_takes_its_share_of_a_longer_run(trained):
    run = trained(make_groups(10), batch_size=1, warmup=0.25, learning_rate=1e-3)
    rates = [entry["learning_rate"] for entry in run.history if "loss" in entry]
    assert rates[:3] == pytest.approx([0, 0.5e-3, 1e-3])
