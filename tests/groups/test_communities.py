"""Communities named in prompts: by hand, and a model that the wrong community misleads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.training.conftest import make_backbone

from polypref import Comparison, DataError, Group, Message, Rating, save_groups
from polypref.alignment.config import make_alignment_config
from polypref.alignment.run import Run
from polypref.groups.communities import by_community, with_community
from polypref.training.config import make_config
from polypref.training.progress import Report
from polypref.training.recipe import train

GROUP = Group(
    "Which?",
    ("a", "b"),
    [Comparison(0, 1, annotator="ann"), Comparison(1, 0, annotator="bob"), Comparison(0, 1, 0.5, "eve")],
    [Rating(0, 3, "ann")],
)


def test_each_community_has_its_own_prompt_and_judgments() -> None:
    towns = {"ann": "sea", "bob": "hills"}
    sea, hills, nobody = by_community([GROUP], towns, dropped=0)
    assert (sea.prompt, hills.prompt, nobody.prompt) == (
        "Community: sea\n\nWhich?",
        "Community: hills\n\nWhich?",
        "Which?",
    )
    assert [[c.annotator for c in one.comparisons] for one in (sea, hills, nobody)] == [["ann"], ["bob"], ["eve"]]
    assert [len(one.ratings) for one in (sea, hills, nobody)] == [1, 0, 0]
    chat = with_community(Group([("user", "Hi")], ("a",)), "sea")
    assert chat.prompt == (Message("system", "Community: sea"), Message("user", "Hi"))
    assert with_community(GROUP, None) is GROUP


def test_without_members_communities_are_domains_or_criteria() -> None:
    (own,) = by_community([replace(GROUP, domain="law")], dropped=0)
    assert own.prompt.startswith("Community: law")
    assert len(own.comparisons) == 3
    criteria = Group("?", ("a", "b"), [Comparison(0, 1, criterion="style"), Comparison(1, 0)])
    assert [one.prompt for one in by_community([criteria], dropped=0)] == ["Community: style\n\n?", "?"]
    bare = Group("?", ("a",))
    assert list(by_community([bare])) == [bare]
    (asked,) = by_community([replace(bare, domain="law")], dropped=0)
    assert asked.prompt == "Community: law\n\n?"


def test_a_share_stays_anonymous() -> None:
    many = [replace(GROUP, domain="law", id=str(at)) for at in range(2000)]
    named = [one.prompt != "Which?" for one in by_community(many, dropped=0.3, seed=1)]
    assert np.mean(named) == pytest.approx(0.7, abs=0.03)
    assert named == [one.prompt != "Which?" for one in by_community(many, dropped=0.3, seed=1)]
    assert not any(one.prompt != "Which?" for one in by_community(many, dropped=1))
    with pytest.raises(DataError, match="a share from 0 to 1, got 2"):
        list(by_community(many, dropped=2))


def tastes(count: int, seed: int) -> list[Group]:
    """Of two communities one likes what the other dislikes."""
    made = []
    for at in range(count):
        town = ("xxxx", "oooo")[at % 2]
        likes = ("the answer", "a question")[:: 1 if at % 2 else -1]
        said = [Comparison(0, 1)] * 3
        made.append(Group(f"n{seed}{at}", likes, said, domain=town))
    return made


def save(groups: list[Group], folder: Path) -> str:
    save_groups(groups, folder / "held.jsonl")
    return str(folder / "held.jsonl")


@pytest.mark.slow
def test_the_wrong_community_hurts_and_none_is_in_between(tmp_path) -> None:
    settings = {"backbone": make_backbone("bert", tmp_path / "backbone"), "epochs": 12, "learning_rate": 3e-3}
    config = make_config({**settings, "anonymous": 0.25, "batch_size": 16, "out": str(tmp_path / "model")})
    model = train(config, tastes(96, 0)).model
    other = {"xxxx": "oooo", "oooo": "xxxx"}
    held = tastes(20, 1)
    asked = Run(
        make_alignment_config(
            {"guide": "none", "prompts": [save(held, tmp_path)], "anonymous": 0.5, "out": str(tmp_path / "policy")}
        ),
        Report(),
        None,
    )
    assert 0 < sum(group.prompt.startswith("Community: ") for group in asked.prompts) < len(asked.prompts)
    assert all(group.prompt.startswith(f"Community: {group.domain}") for group in asked.held_out)
    right, wrong, nobody = (
        [float(model.preferences(with_community(one, name(one.domain)))[0, 1]) for one in held]
        for name in (lambda town: town, other.get, lambda town: None)
    )
    assert np.mean(right) > 0.8
    assert np.mean(wrong) < 0.2
    assert 0.3 < np.mean(nobody) < 0.7
