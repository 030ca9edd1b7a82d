"""The settings files in recipes/: each is read, names a head and an objective that fit, and trains as it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from polypref import simulate
from polypref.alignment.config import make_alignment_config
from polypref.alignment.methods import all_methods, make_method
from polypref.alignment.reinforcement import Reinforcement, Trainer
from polypref.models.heads import all_heads, make_head
from polypref.objectives import all_objectives, make_objective
from polypref.training.config import TrainingConfig, make_config, read_settings
from polypref.training.recipe import train
from tests.conftest import ROOT
from tests.models.conftest import make_checkpoint

RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))
ALIGNING = sorted((ROOT / "recipes" / "align").glob("*.yaml"))


def read(path: Path) -> TrainingConfig:
    return make_config(read_settings(path))


def test_the_methods_have_their_recipes() -> None:
    assert {read(path).head for path in RECIPES} >= {"scalar", "general", "distributional", "gaussian", "pair"}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_names_a_head_and_an_objective_that_fit(path: Path) -> None:
    config = read(path)
    assert config.head in all_heads()
    assert config.objective in all_objectives()
    head = make_head(config.head, **config.head_settings)
    make_objective(config.objective, **config.objective_settings).check(head)
    assert not config.data  # the user's, by --data


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_says_how_it_is_used_and_whose_values_stand_beside_ours(path: Path) -> None:
    text = path.read_text()
    assert f"#   polypref train recipes/{path.name} --data " in text
    assert re.search(r"arXiv \d{4}\.\d{5}", text)
    assert "theirs" in text


@pytest.mark.slow
@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_trains(path: Path, tmp_path: Path) -> None:
    backbone = str(make_checkpoint("bert", tmp_path / "backbone"))
    config = read(path).model_copy(
        update={"backbone": backbone, "max_length": 64, "epochs": 1, "out": str(tmp_path / "out")}
    )
    result = train(config, simulate("divided", 20, seed=0))
    assert result.model.head.name == config.head
    assert result.steps > 0
    assert "eval_loss" in result.metrics


def test_every_method_of_alignment_has_its_recipe() -> None:
    assert {path.stem for path in ALIGNING} == {*all_methods(), *get_args(Trainer)}


@pytest.mark.parametrize("path", ALIGNING, ids=lambda path: path.stem)
def test_a_recipe_of_alignment_is_complete_but_for_guide_and_prompts(path: Path) -> None:
    config = make_alignment_config({**read_settings(path), "guide": "guide", "prompts": "prompts.jsonl"})
    assert config.method == path.stem
    if config.method in all_methods():
        make_method(config.method, **config.method_settings)
    else:
        Reinforcement(**config.method_settings)
    text = path.read_text()
    assert f"#   polypref align recipes/align/{path.name} --set guide=" in text
    assert re.search(r"arXiv \d{4}\.\d{5}", text)
    assert "theirs" in text
