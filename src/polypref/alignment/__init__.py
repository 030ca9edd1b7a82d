"""Policies that learn from preferences: exactly, as tables over a few responses; methods are one file each."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polypref.alignment.methods import all_methods as all_methods
    from polypref.alignment.methods import make_method as make_method
    from polypref.alignment.tables import TableRun as TableRun
    from polypref.alignment.tables import solve_table as solve_table

# loaded when first used, so that what needs no torch does not load it
_PLACES = {"TableRun": "tables", "all_methods": "methods", "make_method": "methods", "solve_table": "tables"}

__all__ = ["TableRun", "all_methods", "make_method", "solve_table"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'polypref.alignment' has no attribute {name!r}")
    return getattr(importlib.import_module(f"polypref.alignment.{_PLACES[name]}"), name)
