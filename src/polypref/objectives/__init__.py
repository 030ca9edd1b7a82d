"""Objectives, one file per family. Classes that a module lists in OBJECTIVES are found by its place."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from polypref.errors import unknown
from polypref.models.heads import all_heads
from polypref.objectives.base import Objective, ObjectiveError
from polypref.objectives.judgments import GroupJudgments, Judgments, collate, group_judgments, labels_of

__all__ = [
    "GroupJudgments",
    "Judgments",
    "Objective",
    "ObjectiveError",
    "all_objectives",
    "collate",
    "default_objective",
    "group_judgments",
    "labels_of",
    "make_objective",
]


@cache
def all_objectives() -> Mapping[str, type[Objective]]:
    """Every objective by name."""
    modules = (importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    found = [objective for module in modules for objective in vars(module).get("OBJECTIVES", ())]
    return {objective.name: objective for objective in sorted(found, key=lambda objective: objective.name)}


def make_objective(name: str, **settings: Any) -> Objective:
    """The objective a user named, with its settings."""
    objectives = all_objectives()
    if name not in objectives:
        raise ObjectiveError(unknown("objective", name, objectives))
    known = [field.name for field in fields(objectives[name])]
    for setting in settings:
        if setting not in known:
            raise ObjectiveError(f"the {name} objective has no setting {setting!r}; it has {', '.join(known)}")
    try:
        return objectives[name](**settings)
    except TypeError as error:
        raise ObjectiveError(f"the settings {settings} do not fit the {name} objective: {error}") from None


def default_objective(head: str) -> Objective:
    """The objective that trains a head, given by name, unless another is asked for."""
    heads = all_heads()
    if head not in heads:
        raise ObjectiveError(f"unknown head {head!r}, which no objective trains; known are {', '.join(heads)}")
    return make_objective(heads[head].objective)
