"""Paths in a settings file: from the file's folder, whatever the folder in which the command runs."""

from __future__ import annotations

import json
import os

import pytest

from polypref.training.config import TrainingConfig
from polypref.training.places import anywhere, taken_from


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a project in it; commands run in its parent."""
    for name in ("project/votes.jsonl", "project/data/a-1.jsonl", "project/base/config.json", "elsewhere.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def taken(settings, folder):
    told = []
    return taken_from(settings, folder, told.append), told


def test_what_lies_beside_the_file_is_taken_from_there(here, tmp_path):
    project = tmp_path / "project"
    settings = {
        "data": ["votes.jsonl", "data/a-*.jsonl", "org/name", "-", str(tmp_path / "elsewhere.jsonl")],
        "eval_data": "../elsewhere.jsonl",
        "backbone": "base",
        "out": "model",
        "head": "votes.jsonl",  # no path
    }
    found, told = taken(settings, project)
    assert found == {
        "data": [
            f"{project}/votes.jsonl",
            f"{project}/data/a-*.jsonl",
            "org/name",
            "-",
            str(tmp_path / "elsewhere.jsonl"),
        ],
        "eval_data": f"{project}/../elsewhere.jsonl",
        "backbone": f"{project}/base",
        "out": f"{project}/model",
        "head": "votes.jsonl",
    }
    assert told == []
    assert taken({"backbone": "embedded:minilm"}, project)[0] == {"backbone": "embedded:minilm"}
    assert taken({"backbone": "votes.jsonl"}, project)[0] == {"backbone": "votes.jsonl"}  # no folder


def test_so_is_what_the_stages_of_a_customisation_name(here):
    settings = {
        "out": "custom",
        "general": {"data": {"helpful": "votes.jsonl", "more": ["data/a-1.jsonl"]}, "model": "base", "eval_share": 0.2},
        "domains": {"data": "votes.jsonl", "eval_data": {}},
        "instruction": {"data": "votes.jsonl"},
        "training": {"head": "general"},
    }
    found, _ = taken(settings, here / "project")
    project = str(here / "project")
    assert found["general"] == {
        "data": {"helpful": f"{project}/votes.jsonl", "more": [f"{project}/data/a-1.jsonl"]},
        "model": f"{project}/base",
        "eval_share": 0.2,
    }
    assert found["domains"] == {"data": f"{project}/votes.jsonl", "eval_data": {}}
    assert found["instruction"] == {"data": f"{project}/votes.jsonl"}
    assert (found["out"], found["training"]) == (f"{project}/custom", {"head": "general"})


def test_what_only_lies_where_the_command_runs_is_taken_and_told(here):
    found, told = taken({"data": ["elsewhere.jsonl"]}, here / "project")
    assert found == {"data": ["elsewhere.jsonl"]}
    lacking = f"there is no elsewhere.jsonl in {here / 'project'}, beside the settings"
    assert told == [f"{lacking}; the one where the command runs is taken"]


def test_the_saved_paths_are_found_from_anywhere(here, monkeypatch):
    config = TrainingConfig(data="project/votes.jsonl", eval_data="org/name", backbone="project/base", out="model")
    saved = json.loads(anywhere(config).to_json())
    assert saved["data"] == [str(here / "project" / "votes.jsonl")]
    assert (saved["eval_data"], saved["backbone"]) == (["org/name"], str(here / "project" / "base"))
    assert saved["out"] == str(here / "model")
    assert taken(saved, here / "model") == (saved, [])
    assert anywhere(TrainingConfig()).backbone == "embedded:minilm"


def test_a_run_is_repeated_and_gone_on_with_from_another_folder(polypref, here, monkeypatch):
    from polypref import save_groups

    from .conftest import make_backbone, make_groups

    make_backbone("bert", here / "project" / "base")
    save_groups(make_groups(12), here / "project" / "votes.jsonl")
    (here / "project" / "run.yaml").write_text(
        "{data: votes.jsonl, backbone: base, out: models/a, batch_size: 4, max_steps: 2}"
    )
    assert polypref("train", "project/run.yaml").status == 0
    first = here / "project" / "models" / "a"
    os.remove(first / "config.json")  # as if it had not been finished
    monkeypatch.chdir(here / "project")
    run = polypref("train", "run.yaml", "--resume")
    assert run.status == 0, run.err
    run = polypref("train", "models/a/training.json", "--out", "again")
    assert run.status == 0, run.err
    assert (first / "model.safetensors").read_bytes() == (here / "project/again/model.safetensors").read_bytes()


def test_a_run_of_version_0_1_which_wrote_paths_as_given_goes_on(polypref, here, monkeypatch):
    from polypref import save_groups

    from .conftest import make_backbone, make_groups

    make_backbone("bert", here / "base")
    save_groups(make_groups(12), here / "votes.jsonl")
    command = ("train", "--data", "votes.jsonl", "--backbone", "base", "--out", "a", "--set", "max_steps=1")
    assert polypref(*command).status == 0
    saved = json.loads((here / "a" / "training.json").read_text())
    old = {**saved, "data": ["votes.jsonl"], "backbone": "base", "out": "a"}
    (here / "a" / "training.json").write_text(json.dumps(old))
    run = polypref("train", "a/training.json", "--out", "again")
    assert run.status == 0, run.err
    assert "there is no votes.jsonl in a, beside the settings; the one where the command runs is taken" in run.err
    os.remove(here / "a" / "config.json")
    assert polypref(*command, "--resume").status == 0
