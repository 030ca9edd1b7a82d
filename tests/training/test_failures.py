"""What goes wrong is said in one sentence, and what was saved before is kept."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
import torch

from polypref import Comparison, Group, PreferenceModel, Rating
from polypref.errors import PolyprefError
from polypref.groups.splitting import split_groups
from polypref.groups.writing import save_groups
from polypref.training import checkpoints
from polypref.training.progress import Report
from polypref.training.recipe import train
from polypref.training.trainer import PreferenceTrainer

from .conftest import make_groups

GROUPS = make_groups(16)


class Lines(Report):
    """Keeps what it is told."""

    def __init__(self):
        self.lines = []

    def line(self, text):
        self.lines.append(text)


def refusal(config, *data, **more):
    """The sentence with which a run ends."""
    with pytest.raises(PolyprefError) as error:
        train(config, *data, **more)
    assert "\n" not in str(error.value)
    return str(error.value)


def spoil_after(monkeypatch, steps, spoil):
    """Do something to the trainer before its next step."""
    real = PreferenceTrainer.training_step

    def step(trainer, *arguments):
        if trainer.state.global_step == steps:
            spoil(trainer)
        return real(trainer, *arguments)

    monkeypatch.setattr(PreferenceTrainer, "training_step", step)


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_checkpoint(tiny, tmp_path, monkeypatch, polypref):
    def spoil(trainer):
        torch.nn.init.constant_(trainer.preference_model.encoder.state_layer.weight, float("nan"))

    spoil_after(monkeypatch, 3, spoil)
    save_groups(GROUPS, tmp_path / "data.jsonl")
    settings = ["--data", tmp_path / "data.jsonl", "--backbone", tiny("llama"), "--batch-size", 4]
    ended = polypref("train", *settings, "--set", "save_steps=2", "--out", tmp_path / "out")
    assert ended.status == 2
    complaint = ended.err.strip().splitlines()[-1]
    assert complaint.startswith("polypref: the loss became nan at step 4; what was saved before is kept")
    assert checkpoints.last_complete(tmp_path / "out") == tmp_path / "out" / "checkpoint-2"
    assert PreferenceModel.from_pretrained(tmp_path / "out" / "checkpoint-2").head.name == "scalar"
    assert not (tmp_path / "out" / "config.json").exists()


def disk_full(*_args, **_more):
    raise OSError(errno.ENOSPC, "No space left on device")


def disk_full_in_torch(*_args, **_more):
    raise RuntimeError("[enforce fail at inline_container.cc:672] . PytorchStreamWriter failed writing file data/3")


@pytest.mark.parametrize(
    ("place", "failure"),
    [
        ("safetensors.torch.save_file", disk_full),
        ("transformers.modeling_utils.safe_save_file", disk_full),
        ("torch.save", disk_full_in_torch),
        ("transformers.trainer_callback.TrainerState.save_to_json", disk_full),
    ],
)
def test_a_full_disk_keeps_the_checkpoints_before(settings, monkeypatch, place, failure):
    config = settings(batch_size=4, save_steps=1, keep_checkpoints=1, head="general", head_settings={"gate": True})
    spoil_after(monkeypatch, 2, lambda _: monkeypatch.setattr(place, failure))
    said = refusal(config, GROUPS)
    assert "checkpoint-3 could not be written" in said
    assert "those before are kept" in said
    monkeypatch.undo()
    out = Path(config.out)
    assert [path.name for path in out.glob("checkpoint-*")] == ["checkpoint-2"]
    assert train(config.model_copy(update={"resume": True}), GROUPS).steps == 4


def test_a_full_disk_at_the_end_leaves_no_half_model(settings, monkeypatch):
    config = settings(batch_size=8)
    with monkeypatch.context() as patched:
        patched.setattr("polypref.training.trainer.PreferenceTrainer.save_final", disk_full_model)
        assert "cannot write" in refusal(config, GROUPS)
    assert not (Path(config.out) / "config.json").exists()
    assert train(config.model_copy(update={"resume": True}), GROUPS).steps == 2


def disk_full_model(trainer, out, record):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("transformers.modeling_utils.safe_save_file", disk_full)
        trainer.preference_model.save_pretrained(out, record)


def test_a_folder_that_cannot_be_written_is_named(settings, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert "cannot write" in refusal(settings(out=str(tmp_path / "file" / "out")), GROUPS)


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ([], "no comparisons and no numeric ratings"),
        ([Group("?", ("a",))], "no comparisons and no numeric ratings"),
        ([Group("?", ("a", "b"), (), (Rating(0, 3),))], "ratings and no comparisons"),
    ],
)
def test_data_with_nothing_to_learn_from_are_refused(settings, groups, said):
    assert said in refusal(settings(), groups)


def test_no_data_at_all_are_refused_by_the_command(polypref, tiny, tmp_path):
    ended = polypref("train", "--backbone", tiny("llama"), "--out", tmp_path / "out")
    assert (ended.status, "no data to train on" in ended.err) == (2, True)


def test_groups_that_teach_nothing_are_left_out_and_counted(settings):
    nothing = [
        Group("alone", ("only one",)),
        Group("unjudged", ("a", "b", "c")),
        Group("rated", ("a", "b"), (), (Rating(0, 1),)),
    ]
    report = Lines()
    result = train(settings(), [*GROUPS, *nothing], report=report)
    assert (result.tally.groups, result.tally.unjudged) == (16, 3)
    assert any("3 groups without a judgment to learn from are left out" in line for line in report.lines)


@pytest.mark.parametrize("backbone", ["llama", "bert"])
def test_a_response_of_a_hundred_thousand_tokens_is_cut(settings, backbone):
    long = Group("What is the answer?", ("better " * 100_000, "a question"), (Comparison(0, 1),))
    report = Lines()
    result = train(settings(backbone=backbone, max_length=64), [long], report=report)
    assert result.tally.cut_inputs == 1
    assert result.tally.cut_groups == 1
    assert result.tally.cut_tokens > 90_000
    assert result.steps == 1
    assert any("1 of 2 training inputs are longer than 64 tokens" in line for line in report.lines)


def test_prompts_may_not_be_trained_on_and_judged_by(settings):
    said = refusal(settings(), GROUPS, [*make_groups(2, seed=8), GROUPS[3]])
    assert said.startswith("1 prompts of the evaluation data are also trained on, such as")


def test_held_out_prompts_are_not_trained_on(settings):
    result = train(settings(eval_share=0.25), GROUPS)
    assert 8 <= result.tally.groups < 16
    assert set(result.metrics) >= {"eval_loss", "eval_accuracy", "eval_brier"}


def test_a_part_that_was_split_off_can_be_held_out_from(settings):
    """With the seed that split it: the draws are independent."""
    train_part = split_groups(make_groups(24), {"train": 0.75, "dev": 0.25})["train"]
    result = train(settings(eval_share=0.25), train_part)
    assert 0 < result.tally.groups < len(train_part)
    assert "eval_accuracy" in result.metrics


def test_a_held_out_share_of_nothing_is_refused(settings):
    said = refusal(settings(eval_share=0.01), GROUPS)
    assert said.startswith("of 16 groups none falls into held out with the seed 0: give another seed")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"patience": 2, "eval_share": 0.25}, "patience needs to know which metric should get better; set best_metric"),
        ({"best_metric": "accuracy"}, "best_metric and patience need evaluation data"),
        ({"best_metric": "acuracy", "eval_share": 0.25}, "unknown best_metric 'acuracy'; known are loss, accuracy"),
        ({"best_metric": "wasserstein", "eval_share": 0.25}, "wasserstein is not defined on the held-out data; loss,"),
        ({"best_metric": "loss", "eval_share": 0.25, "save_steps": 1}, "transformers refuses these settings"),
        ({"trainer": {"no_such_thing": 1}}, "transformers refuses these settings"),
        ({"trainer": {"fsdp": True}}, "fsdp spreads the weights over several GPUs"),
        ({"frozen": True, "lora": {"rank": 2}}, "leave one of them out"),
        ({"dtype": "float16"}, "weights in float16 lose small updates"),
        ({"quantization": "4bit"}, "quantised weights cannot be trained themselves"),
        ({"head": "general", "head_settings": {"dim": "eight"}}, "do not fit a general head"),
        ({"objective": "transport"}, "trains a head that is distributional"),
        ({"report_to": "tensorbored"}, "unknown place to report to 'tensorbored'; known are azure_ml"),
        ({"report_to": ["dagshub"]}, "report_to names dagshub, which is not installed here"),
        ({"frozen": True, "head": "general", "head_settings": {"gate": True}}, "prompt gate"),
        ({"backbone": "nowhere/to-be-found"}, "cannot load the model"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, changes, said):
    assert said in refusal(settings(**changes), GROUPS)


def test_a_damaged_configuration_of_a_run_is_named(settings, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "training.json").write_text("{half")
    assert "training.json" in refusal(settings(resume=True), GROUPS)


def test_the_configuration_is_written_beside_the_model(settings, tmp_path):
    config = settings()
    train(config, GROUPS)
    assert json.loads((tmp_path / "out" / "training.json").read_text()) == json.loads(config.to_json())
