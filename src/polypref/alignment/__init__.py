"""Policies that learn from preference models: exact ones on tables, language models, and rewards for RL."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polypref.alignment.best_of_n import best_of_n as best_of_n
    from polypref.alignment.contests import contest as contest
    from polypref.alignment.group_reward import GroupReward as GroupReward
    from polypref.alignment.methods import all_methods as all_methods
    from polypref.alignment.methods import make_method as make_method
    from polypref.alignment.reinforcement import Reinforcement as Reinforcement
    from polypref.alignment.reinforcement import reinforce as reinforce
    from polypref.alignment.tables import TableRun as TableRun
    from polypref.alignment.tables import solve_table as solve_table

# public name → the module it lives in; loaded when first used, so that what needs no torch does not load it
_PLACES = {
    "GroupReward": "group_reward",
    "Reinforcement": "reinforcement",
    "TableRun": "tables",
    "all_methods": "methods",
    "best_of_n": "best_of_n",
    "contest": "contests",
    "make_method": "methods",
    "reinforce": "reinforcement",
    "solve_table": "tables",
}

__all__ = [
    "GroupReward",
    "Reinforcement",
    "TableRun",
    "all_methods",
    "best_of_n",
    "contest",
    "make_method",
    "reinforce",
    "solve_table",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'polypref.alignment' has no attribute {name!r}")
    return getattr(importlib.import_module(f"polypref.alignment.{_PLACES[name]}"), name)
