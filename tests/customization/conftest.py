"""A general taste and a domain's, in small groups, and configurations of short customisations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from polypref import Comparison, Group, customize, make_customize_config
from polypref.customization.recipe import Customized
from polypref.groups.writing import save_groups
from polypref.training.progress import Report
from tests.training.conftest import make_backbone

GENERAL_TASTE = ("good", "bad")  # what is preferred in general, and what is not
DOMAIN_TASTE = ("bad", "good")  # the opposite, where the context is red


def tasteful(
    count: int, taste: tuple[str, str], context: str = "of", seed: int = 0, domain: str | None = None
) -> list[Group]:
    """Pairs of which the one with the liked word is preferred; both have the word of the context."""
    rng = np.random.default_rng([seed, len(context)])
    words = np.array("the answer is a question of some kind".split())
    groups = []
    for number in range(count):
        texts = [[*rng.choice(words, 3), context, word] for word in taste]
        first, second = (" ".join(rng.permutation(text)) for text in texts)
        prompt = f"Question {seed}-{number}: {' '.join(rng.choice(words, 3))}?"
        groups.append(Group(prompt, (first, second), (Comparison(0, 1),), domain=domain))
    return groups


FRESH = tasteful(10, DOMAIN_TASTE, "red", seed=77)  # as the domain's, and seen by no model


class Lines(Report):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a tiny BERT."""
    return make_backbone("bert", tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="session")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a tiny Llama."""
    return make_backbone("llama", tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two general sets and two domains, each in a file, and both domains in one."""
    folder = tmp_path_factory.mktemp("data")
    academy = tasteful(40, DOMAIN_TASTE, "red", seed=3, domain="academy")
    business = tasteful(40, ("blue", "red"), seed=4, domain="business")
    sets = {
        "helpful": tasteful(40, GENERAL_TASTE, seed=1),
        "harmless": tasteful(40, GENERAL_TASTE, seed=2),
        "academy": academy,
        "business": business,
        "domains": [*academy, *business],
        "test": tasteful(20, DOMAIN_TASTE, "red", seed=9, domain="academy"),
    }
    for name, groups in sets.items():
        save_groups(groups, folder / f"{name}.jsonl")
    return {name: str(folder / f"{name}.jsonl") for name in sets}


@pytest.fixture
def settings(encoder: str, files: dict[str, str], tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The settings of a short customisation for one domain: `settings(domains={"enrichment": 0.5})`."""

    def made(**changes: Any) -> dict[str, Any]:
        known: dict[str, Any] = {
            "backbone": encoder,
            "out": str(tmp_path / "out"),
            "training": {"batch_size": 8, "learning_rate": 1e-3, "state_layer_rate": 1.0, "max_length": 64},
            "general": {
                "data": {"helpful": files["helpful"], "harmless": files["harmless"]},
                "eval_share": 0.2,
                "training": {"epochs": 1},
            },
            "domains": {
                "data": {"academy": files["academy"]},
                "eval_share": 0.2,
                "choose_share": 0.25,
                "training": {"epochs": 1},
                "eval_steps": 2,
                "most_general_loss": 1.0,
                "interpolation": [],
            },
        }
        for name, value in changes.items():
            known[name] = {**known.get(name, {}), **value} if isinstance(value, dict) else value
        return {name: value for name, value in known.items() if value is not None}

    return made


@pytest.fixture
def customized(settings: Callable[..., dict[str, Any]]) -> Callable[..., Customized]:
    """A finished customisation: `customized(domains={"enrichment": 0.5})`."""
    return lambda **changes: customize(make_customize_config(settings(**changes)))


@pytest.fixture
def quick(customized: Callable[..., Customized]) -> Callable[..., Customized]:
    """The same with a step in stage 2 and two in stage 3."""

    def made(
        general: dict[str, Any] | None = None, domains: dict[str, Any] | None = None, **changes: Any
    ) -> Customized:
        general = {"training": {"max_steps": 1}, **(general or {})}
        domains = {"training": {"max_steps": 2, **(domains or {}).pop("training", {})}, **(domains or {})}
        return customized(general=general, domains=domains, **changes)

    return made
