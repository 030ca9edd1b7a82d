"""Small models for the commands: random weights, tiny sizes, saved as a user would have them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.models.conftest import make_checkpoint

from polypref import Comparison, Group, PreferenceModel, Rating, save_groups


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny encoder without a classification layer."""
    return make_checkpoint("bert", tmp_path_factory.mktemp("backbone"))


@pytest.fixture(scope="session")
def saved(backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The folder of a saved model: `saved("general")`, `saved("scalar", seed=1)`; the same one for the same words."""
    made: dict[tuple[str, int, int], Path] = {}

    def folder(head: str, seed: int = 0, max_length: int = 512) -> Path:
        key = (head, seed, max_length)
        if key not in made:
            made[key] = tmp_path_factory.mktemp("saved") / head
            PreferenceModel.from_backbone(str(backbone), head, seed=seed, max_length=max_length).save_pretrained(
                made[key]
            )
        return made[key]

    return folder


@pytest.fixture(scope="session")
def judged() -> list[Group]:
    """Ten groups of two to four responses with votes and ratings, half of them named."""
    return [
        Group(
            f"Question {k}: what goes with {word}?",
            tuple(f"{word} goes with {thing}." for thing in ("rice", "a long walk", "nothing", "tea")[: 2 + k % 3]),
            [Comparison(0, 1, p=0.8 if k % 2 else 0.3, weight=5)],
            [Rating(0, 1 + k % 6), Rating(1, 3)],
            id=f"q{k}" if k % 2 else None,
            sources=("cook", "poet", "cynic", "aunt")[: 2 + k % 3] if k % 2 else (),
            meta={"note": k},
        )
        for k, word in enumerate("basil thyme lemon salt honey ginger butter mint pepper saffron".split())
    ]


@pytest.fixture
def data(judged: list[Group], tmp_path: Path) -> Path:
    """Their file."""
    save_groups(judged, tmp_path / "data.jsonl")
    return tmp_path / "data.jsonl"
