"""The taste of a person whom a model meets for the first time, from votes alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from polypref.groups.model import Group
from polypref.groups.pairs import pair_votes
from polypref.models.persons import check_votes

if TYPE_CHECKING:
    from polypref.models.preference_model import PreferenceModel


def taste_of(model: PreferenceModel, groups: Sequence[Group]) -> tuple[float, ...]:
    """The taste `[tastes]` that fits the votes in the groups best, whoever gave them; the model stays as it is."""
    check_votes(groups)
    voted = [group for group in groups if group.comparisons]
    said = [pair_votes(group) for group in voted]
    rows = [answer.rows.cpu().double() for _, answer in model.encode(voted)]
    first = torch.cat([states[votes.first] for states, votes in zip(rows, said)])
    second = torch.cat([states[votes.second] for states, votes in zip(rows, said)])
    share, votes = (np.concatenate([getattr(one, name) for one in said]) for name in ("share", "votes"))
    return tuple(model.head.taste_of(first, second, share, votes).tolist())
