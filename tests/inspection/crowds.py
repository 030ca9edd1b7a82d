"""Populations that several tests inspect."""

from __future__ import annotations

import random
from functools import cache

from polypref import Comparison, Group, Inspection, inspect_groups, simulate


def crowded(domain: str, prompts: int, prefers: str, seed: int) -> list[Group]:
    """Prompts with many votes each: long answers are liked, or short ones, four times in five."""
    rng = random.Random(seed)
    groups = []
    for q in range(prompts):
        lengths = rng.sample(range(1, 40), 8)
        pairs = [(i, j) for i in range(8) for j in range(i)]
        votes = []
        for i, j in pairs:
            longer = lengths[i] > lengths[j]
            votes.append(
                Comparison(i, j, p=float((longer if prefers == "long" else not longer) ^ (rng.random() < 0.2)))
            )
        groups.append(Group(f"{domain} {q}", [f"word{n} " * n for n in lengths], votes, domain=domain))
    return groups


@cache
def seen(scenario: str, seed: int = 1) -> Inspection:
    return inspect_groups(simulate(scenario, 200, seed=seed))
