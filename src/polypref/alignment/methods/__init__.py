"""Methods, one file each. A module that defines METHOD is found by its place; there is no list to edit."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from polypref.alignment.methods.base import Aim, Method, MethodError, View

__all__ = ["Aim", "Method", "MethodError", "View", "all_methods", "make_method"]


@cache
def all_methods() -> Mapping[str, type[Method]]:
    """Every method by name."""
    modules = (importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    methods = [one for module in modules for one in vars(module).get("METHODS", ())]
    return {method.name: method for method in sorted(methods, key=lambda method: method.name)}


def make_method(name: str, **settings: Any) -> Method:
    """The method a user named, with its settings."""
    methods = all_methods()
    if name not in methods:
        raise MethodError(f"unknown method {name!r}; known are {', '.join(methods)}")
    known = [field.name for field in fields(methods[name])]
    for setting in settings:
        if setting not in known:
            raise MethodError(f"{name} has no setting {setting!r}; it has {', '.join(known) or 'none'}")
    return methods[name](**settings)
