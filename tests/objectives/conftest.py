"""Batches that several tests of objectives share."""

from __future__ import annotations

import pytest
import torch

from polypref import Comparison, Group, Rating
from polypref.models.heads import Head, make_head
from polypref.objectives import Judgments, collate, group_judgments

LABELS = (1.0, 2.0, 4.0)


@pytest.fixture
def groups() -> list[Group]:
    """Two groups with soft and hard votes, margins, and ratings from a crowd: of 3 and of 2 responses."""
    return [
        Group(
            "p",
            ["a", "b", "c"],
            comparisons=[
                Comparison(0, 1, 0.8, weight=5),
                Comparison(2, 1, margin=2.0),
                Comparison(0, 2, 0.0, weight=2),
            ],
            ratings=[Rating(0, 1), Rating(0, 4), Rating(2, 4, weight=3), Rating(2, 2)],
        ),
        Group("q", ["a", "b"], comparisons=[Comparison(1, 0)], ratings=[Rating(1, 2), Rating(0, 1)]),
    ]


@pytest.fixture
def batch(groups: list[Group]) -> Judgments:
    """The judgments of the two groups, in double precision."""
    return collate([group_judgments(group, LABELS) for group in groups], [3, 2], dtype=torch.float64)


@pytest.fixture
def heads() -> dict[str, Head]:
    """One head of each kind, fit for the labels of the groups."""
    return {
        "scalar": make_head("scalar"),
        "general": make_head("general", dim=4),
        "hybrid": make_head("hybrid", dim=4),
        "mixture": make_head("mixture", prototypes=3),
        "gaussian": make_head("gaussian"),
        "distributional": make_head("distributional", labels=LABELS),
        "beta": make_head("distributional", labels=LABELS, kind="beta"),
    }
