"""Communities named in the prompt, so that a model or a policy learns what each of them prefers (ComPO).

The name is left out now and then, so that the model that knows no community stays (arXiv 2410.16027).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from polypref.errors import DataError
from polypref.groups.model import Comparison, Group, Message, Rating


def with_community(group: Group, community: str | None) -> Group:
    """The group with a community named before its prompt, in a system message if that is a conversation."""
    if community is None:
        return group
    said = f"Community: {community}"
    if isinstance(group.prompt, str):
        return replace(group, prompt=f"{said}\n\n{group.prompt}")
    return replace(group, prompt=(Message("system", said), *group.prompt))


def by_community(
    groups: Iterable[Group], members: Mapping[str, str] | None = None, *, dropped: float = 0.25, seed: int = 0
) -> Iterator[Group]:
    """Each group once for every community that judged it, with what this community said.

    `members` names everybody's community; without it communities are domains: a group's, or the criterion of a
    judgment where a group has none; a group that nobody judged is its domain's. Of each community's part, with the
    chance `dropped` the name is left out; what belongs to no community is always anonymous.
    """
    if not 0 <= dropped <= 1:
        raise DataError(f"expected a share from 0 to 1, got {dropped}", field="dropped")
    rng = np.random.default_rng(seed)
    for group in groups:
        comparisons: dict[str | None, list[Comparison]] = defaultdict(list)
        ratings: dict[str | None, list[Rating]] = defaultdict(list)
        for c in group.comparisons:
            comparisons[_community(group, c, members)].append(c)
        for r in group.ratings:
            ratings[_community(group, r, members)].append(r)
        for name in dict.fromkeys([*comparisons, *ratings]) or [None if members else group.domain]:
            own = replace(group, comparisons=tuple(comparisons[name]), ratings=tuple(ratings[name]))
            yield own if rng.random() < dropped else with_community(own, name)


def _community(group: Group, judgment: Comparison | Rating, members: Mapping[str, str] | None) -> str | None:
    if members is not None:
        return None if judgment.annotator is None else members.get(judgment.annotator)
    return judgment.criterion if group.domain is None else group.domain
