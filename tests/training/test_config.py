"""The configuration: the same from flags, YAML, JSON and Python, checked before anything is loaded."""

from __future__ import annotations

import json

import pytest

from polypref.training.config import ConfigError, TrainingConfig, make_config, read_settings

SETTINGS = {
    "data": ["a.jsonl", "b.jsonl"],
    "eval_share": 0.2,
    "head": "general",
    "head_settings": {"dim": 4},
    "epochs": 2.0,
    "batch_size": 4,
    "lora": {"rank": 8, "alpha": 16},
    "best_metric": "accuracy",
    "frozen": False,
    "trainer": {"optim": "sgd"},
}
FLAGS = (
    "--data a.jsonl --data b.jsonl --eval-share 0.2 --head general --set head_settings.dim=4 --epochs 2 --batch-size 4 "
    "--lora 8 --best accuracy --set trainer.optim=sgd"
)
YAML = """
data: [a.jsonl, b.jsonl]
eval_share: 0.2
head: general
head_settings: {dim: 4}
epochs: 2
batch_size: 4
lora: {rank: 8, alpha: 16}
best_metric: accuracy
trainer:
  optim: sgd
"""


@pytest.fixture
def asked(polypref, monkeypatch):
    """The configuration that `polypref train …` arrives at."""
    seen = []

    class Stop(Exception):
        pass

    def run(config, report, watchers):
        seen.append(config)
        raise Stop

    monkeypatch.setattr("polypref.training.recipe.train", run)

    def configured(*arguments):
        with pytest.raises(Stop):
            polypref("train", *arguments)
        return seen[-1]

    return configured


def test_flags_yaml_json_and_python_mean_the_same(asked, tmp_path):
    (tmp_path / "run.yaml").write_text(YAML)
    (tmp_path / "run.json").write_text(json.dumps(SETTINGS))
    expected = make_config(SETTINGS)
    assert asked(*FLAGS.split()) == expected
    assert asked(tmp_path / "run.yaml") == expected
    assert asked(tmp_path / "run.json") == expected
    assert make_config(json.loads(expected.to_json())) == expected  # what is saved beside a model can be used again


def test_flags_win_over_the_file(asked, tmp_path):
    (tmp_path / "run.yaml").write_text(YAML)
    found = asked("--head", "scalar", "--set", "trainer.optim=adamw_torch", tmp_path / "run.yaml")
    assert (found.head, found.batch_size, found.trainer["optim"]) == ("scalar", 4, "adamw_torch")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"lerning_rate": 1e-4}, "unknown setting 'lerning_rate'; known are data, eval_data"),
        ({"lora": {"rnak": 8}}, "unknown setting 'lora.rnak'"),
        ({"epochs": 0}, "the setting epochs is 0: input should be greater than 0"),
        ({"batch_size": "many"}, "the setting batch_size is 'many'"),
        ({"precision": "float8"}, "the setting precision is 'float8'"),
        ({"eval_share": 1.0}, "the setting eval_share is 1.0"),
        ({"head": "generall"}, "unknown head 'generall'; known are distributional, gaussian"),
        (
            {"objective": "logistics"},
            "unknown objective 'logistics'; known are borda, copeland, cross-entropy",
        ),
    ],
)
def test_a_setting_that_cannot_be_is_named(settings, said):
    with pytest.raises(ConfigError) as error:
        make_config(settings)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.yaml", "head: [", "is not valid"),
        ("a.json", "{", "is not valid"),
        ("a.yaml", "- head", "should hold settings by name"),
        ("a.yaml", "", "should hold settings by name"),
    ],
)
def test_a_file_that_cannot_be_is_named(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError) as error:
        read_settings(tmp_path / name)
    assert said in str(error.value)
    assert name in str(error.value)
    with pytest.raises(ConfigError, match="cannot read the configuration"):
        read_settings(tmp_path / "missing.yaml")


def test_a_typo_on_the_command_line_is_one_sentence(polypref):
    ended = polypref("train", "--data", "x.jsonl", "--set", "epoch=3")
    assert ended.status == 2
    assert ended.err.startswith("polypref: unknown setting 'epoch'; known are")
    ended = polypref("train", "--data", "x.jsonl", "--set", "epochs")
    assert (ended.status, ended.err) == (2, "polypref: --set expects NAME=VALUE, got 'epochs'\n")


def test_the_learning_rate_fits_what_is_trained():
    assert TrainingConfig().rate == 1e-4
    assert TrainingConfig(frozen=True).rate == 1e-2
    assert make_config({"lora": {}}).rate == 2e-4
    assert TrainingConfig(learning_rate=3e-3, frozen=True).rate == 3e-3


def test_names_that_nobody_knows_are_refused_in_python_too():
    with pytest.raises(ConfigError, match=r"^unknown head 'generl'; .*; did you mean 'general'\?$"):
        TrainingConfig(head="generl")
    with pytest.raises(ConfigError, match=r"^unknown objective .* did you mean 'transport'\?$"):
        TrainingConfig(objective="trasnport")

    with pytest.raises(ConfigError, match=r"did you mean 'learning_rate'\?$"):
        make_config({"lerning_rate": 1})


def test_one_name_stands_for_a_list_of_one():
    config = TrainingConfig(data="a.jsonl", report_to="tensorboard")
    assert (config.data, config.report_to) == (("a.jsonl",), ("tensorboard",))


def test_report_to_is_a_flag(asked):
    assert asked("--data", "a.jsonl", "--report-to", "tensorboard", "--report-to", "wandb").report_to == (
        "tensorboard",
        "wandb",
    )
