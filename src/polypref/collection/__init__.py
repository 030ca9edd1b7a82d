"""Which pairs to ask about, and which labels to trust: on cached features of responses."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polypref.collection.asking import Question as Question
    from polypref.collection.asking import choose_pairs as choose_pairs
    from polypref.collection.asking import tops as tops
    from polypref.collection.axioms import add_axioms as add_axioms
    from polypref.collection.cleaning import clean_groups as clean_groups
    from polypref.collection.cleaning import undo as undo
    from polypref.collection.cleaning import write_log as write_log
    from polypref.collection.features import features_of as features_of
    from polypref.collection.pool import Pool as Pool
    from polypref.collection.pool import make_pool as make_pool
    from polypref.collection.quality import check_quality as check_quality
    from polypref.collection.suspects import Doubts as Doubts
    from polypref.collection.suspects import suspect_labels as suspect_labels
    from polypref.collection.tasks import write_tasks as write_tasks

# public name → the module it lives in; loaded when first used
_PLACES = {
    "Doubts": "suspects",
    "Pool": "pool",
    "Question": "asking",
    "add_axioms": "axioms",
    "check_quality": "quality",
    "choose_pairs": "asking",
    "clean_groups": "cleaning",
    "features_of": "features",
    "make_pool": "pool",
    "suspect_labels": "suspects",
    "tops": "asking",
    "undo": "cleaning",
    "write_log": "cleaning",
    "write_tasks": "tasks",
}

__all__ = sorted(_PLACES)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'polypref.collection' has no attribute {name!r}")
    return getattr(importlib.import_module(f"polypref.collection.{_PLACES[name]}"), name)
