"""Heads, one file each. A module that defines HEAD is found by its place; there is no list to edit.

Modules whose names begin with an underscore hold what heads share, and may import torch.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from polypref.errors import unknown
from polypref.models.heads.base import Head, HeadError, Output

__all__ = ["Head", "HeadError", "all_heads", "heads_saying", "make_head"]


@cache
def all_heads() -> Mapping[str, type[Head]]:
    """Every head by name."""
    names = (module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    modules = (importlib.import_module(f"{__name__}.{name}") for name in names)
    heads = (vars(module)["HEAD"] for module in modules if "HEAD" in vars(module))
    return {head.name: head for head in sorted(heads, key=lambda head: head.name)}


def heads_saying(*outputs: Output) -> list[str]:
    """The names of the heads that say any of these."""
    return [name for name, head in all_heads().items() if not set(outputs).isdisjoint(head.says)]


def make_head(name: str, **settings: Any) -> Head:
    """The head a user named, with its settings; lists stand for tuples, which JSON and YAML do not have."""
    heads = all_heads()
    if name not in heads:
        raise HeadError(unknown("head", name, heads))
    known = [field.name for field in fields(heads[name])]
    for setting in settings:
        if setting not in known:
            raise HeadError(f"a {name} head has no setting {setting!r}; it has {', '.join(known) or 'none'}")
    fitting = {key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()}
    try:
        return heads[name](**fitting)
    except TypeError as error:
        raise HeadError(f"the settings {settings} do not fit a {name} head: {error}") from None
