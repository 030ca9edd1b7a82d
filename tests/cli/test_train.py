"""`polypref train`, as a user meets it: flags, files, what is printed, and mistakes."""

from __future__ import annotations

import json

import pytest
from tests.models.conftest import make_checkpoint

from polypref import PreferenceModel

QUICK = ("--set", "max_steps=2", "--batch-size", 4)


@pytest.fixture
def train(polypref, backbone, data, tmp_path):
    """A short run on the small data: `train("--head", "general")`; the model lands in `tmp_path / "model"`."""

    def run(*arguments):
        out = () if "--out" in arguments else ("--out", tmp_path / "model")
        return polypref("train", *arguments, "--backbone", backbone, "--data", data, *QUICK, *out)

    return run


def settings(tmp_path) -> dict:
    return json.loads((tmp_path / "model" / "training.json").read_text())


@pytest.mark.parametrize("head", ["scalar", "general", "distributional", "gaussian", "pair"])
def test_every_head_trains_and_loads(train, tmp_path, head):
    run = train("--head", head)
    assert run.status == 0, run.err
    assert run.out == f"{tmp_path / 'model'}: a {head} model, 2 steps on 10 groups\n"
    assert "training: 10 groups, 10 comparisons, 20 ratings" in run.err
    assert PreferenceModel.from_pretrained(tmp_path / "model").head.name == head


def test_columns_may_have_other_names(polypref, backbone, tmp_path):
    rows = [f"Question {k}?,A good answer.,A bad answer." for k in range(8)]
    (tmp_path / "pairs.csv").write_text("\n".join(["question,good,bad", *rows]))
    names, out = "prompt=question,chosen=good,rejected=bad", ("--out", tmp_path / "model")
    run = polypref("train", "--backbone", backbone, "--data", tmp_path / "*.csv", "--columns", names, *QUICK, *out)
    assert run.status == 0, run.err
    assert settings(tmp_path)["columns"] == {"prompt": "question", "chosen": "good", "rejected": "bad"}


def test_what_was_held_out_is_measured(train, tmp_path):
    run = train("--eval-share", 0.3)
    assert run.status == 0
    for word in ("Held out", "loss", "accuracy", "brier"):
        assert word in run.out
    assert "epoch" not in run.out


def test_json_is_one_object(train, tmp_path):
    run = train("--json", "--eval-share", 0.3)
    found = json.loads(run.out)
    assert found["steps"] == 2
    assert found["out"] == str(tmp_path / "model")
    assert found["metrics"]["eval_loss"] > 0


def test_flags_override_the_file_and_set_reaches_inner_settings(train, tmp_path):
    (tmp_path / "run.yaml").write_text("head: general\nhead_settings: {dim: 2}\nepochs: 3\nseed: 5\n")
    assert train(tmp_path / "run.yaml", "--seed", 7, "--set", "head_settings.dim=4").status == 0
    used = settings(tmp_path)
    assert (used["head"], used["epochs"], used["seed"], used["head_settings"]) == ("general", 3, 7, {"dim": 4})
    assert PreferenceModel.from_pretrained(tmp_path / "model").head.width == 4


def test_the_saved_configuration_repeats_the_run(train, polypref, tmp_path):
    assert train("--head", "general").status == 0
    run = polypref("train", tmp_path / "model" / "training.json", "--out", tmp_path / "again")
    assert run.status == 0
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("model", "again")]
    assert weights[0] == weights[1]


def test_frozen_and_lora(train, tmp_path, monkeypatch):
    monkeypatch.setenv("POLYPREF_CACHE", str(tmp_path / "cache"))
    assert train("--frozen").status == 0
    assert list((tmp_path / "cache" / "features").iterdir())
    assert train("--lora", 4, "--out", tmp_path / "adapted").status == 0
    assert PreferenceModel.from_pretrained(tmp_path / "adapted").head.name == "scalar"


def test_mistakes_get_one_sentence(train, polypref, backbone, data, tmp_path):
    (tmp_path / "list.yaml").write_text("- a\n")
    for arguments, sentence in (
        (("--resume",), "holds no run to resume"),
        (("--head", "linear"), "linear"),
        (("--objective", "dpl"), "objectives for a scalar head are"),
        (("--set", "colour=red"), "unknown setting 'colour'"),
        (("--set", "epochs"), "--set expects NAME=VALUE"),
        (("--set", "epochs.x=1"), "epochs"),
        (("--set", "seed.x=1", "--seed", 3), "--set seed.x=1"),
        (("--eval-share", 1.5), "eval_share"),
        (("--epochs", 0), "epochs"),
        (("--best", "accuracy"), "need evaluation data"),
        ((tmp_path / "list.yaml",), "should hold settings by name"),
        ((tmp_path / "missing.yaml",), "cannot read the configuration"),
    ):
        run = train(*arguments)
        assert run.status == 2, arguments
        assert sentence in run.err
        assert len([line for line in run.err.splitlines() if not line.startswith("polypref: training:")]) == 1, run.err
    run = polypref("train", "--backbone", backbone)
    assert run.status == 2
    assert "name some with --data" in run.err


def test_ctrl_c_says_how_to_go_on(train, polypref, tmp_path, monkeypatch):
    def pressed_at(name):
        def press(*_arguments, **_settings):
            raise KeyboardInterrupt

        monkeypatch.setattr(f"polypref.training.{name}", press)

    pressed_at("recipe.build_model")
    run = train()
    assert run.status == 130
    assert run.err.splitlines()[-1] == "polypref: stopped before the first checkpoint: start again"
    monkeypatch.undo()

    pressed_at("saving.drop_old")  # a checkpoint is complete by then
    run = train("--set", "save_steps=1")
    assert run.status == 130
    folder = tmp_path / "model" / "checkpoint-1"
    assert run.err.splitlines()[-1] == f"polypref: stopped; {folder} is kept, go on with --resume"
    monkeypatch.undo()
    assert train("--set", "save_steps=1", "--resume").status == 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of tensorboard's own imports
def test_curves_go_to_tensorboard_and_an_unknown_tracker_is_one_sentence(train, tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")
    monkeypatch.delenv("TENSORBOARD_LOGGING_DIR", raising=False)
    assert train("--report-to", "tensorboard").status == 0
    assert list((tmp_path / "model" / "runs").rglob("events.out.tfevents.*"))
    assert PreferenceModel.from_pretrained(tmp_path / "model").head.name == "scalar"
    run = train("--report-to", "tensorbord")
    assert run.status == 2
    assert run.err.startswith("polypref: unknown place to report to 'tensorbord'; known are azure_ml, ")
    assert run.err.endswith("; did you mean 'tensorboard'?\n")
    assert len(run.err.splitlines()) == 1


def test_a_finished_model_is_not_overwritten(train):
    assert train().status == 0
    run = train()
    assert run.status == 2
    assert "already holds a model" in run.err


@pytest.mark.parametrize("more", [(), ("--set", "lora.rank=2")])
def test_the_token_that_a_state_is_read_off_is_kept(train, tmp_path, more):
    decoder = make_checkpoint("llama", tmp_path / "decoder")
    assert train("--state-token", "last", *more, "--set", f"backbone={decoder}").status == 0
    assert settings(tmp_path)["state_token"] == "last"
    assert PreferenceModel.from_pretrained(tmp_path / "model").state_token == "last"
    run = train("--state-token", "first", "--out", tmp_path / "other")
    assert run.status == 2
    assert "the setting state_token is 'first'" in run.err
