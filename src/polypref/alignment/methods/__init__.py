"""Methods, one file each. A module that lists classes in METHODS is found by its place; there is no list to edit."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from polypref.alignment.methods.base import Look, Method, MethodError

__all__ = ["Look", "Method", "MethodError", "all_methods", "make_method", "markdown"]


@cache
def all_methods() -> Mapping[str, type[Method]]:
    """Every method by name."""
    modules = (importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    found = [method for module in modules for method in vars(module).get("METHODS", ())]
    return {method.name: method for method in sorted(found, key=lambda method: method.name)}


def make_method(name: str, **settings: Any) -> Method:
    """The method a user named, with its settings; capitals and underscores do not matter."""
    methods = all_methods()
    known_as = name.lower().replace("_", "-")
    if known_as not in methods:
        raise MethodError(f"unknown method {name!r}; known are {', '.join(methods)}")
    known = [field.name for field in fields(methods[known_as])]
    for setting in settings:
        if setting not in known:
            raise MethodError(f"the {known_as} method has no setting {setting!r}; it has {', '.join(known)}")
    return methods[known_as](**settings)


def markdown() -> str:
    """The table for the docs."""
    lines = ["| method | anchor | target | β is in | goal | last iterate | paper |", "|---|---|---|---|---|---|---|"]
    for name, each in all_methods().items():
        goal = f"{each.goal}, {each.game}"
        reached = "yes" if each.last_iterate else "no, the average"
        unit = {"preferences": "shares", "log-odds": "log-odds", "reward": "reward"}[each.game]
        lines.append(f"| `{name}` | {each.anchor} | {each.target} | {unit} | {goal} | {reached} | {each.paper} |")
    return "\n".join(lines) + "\n"
