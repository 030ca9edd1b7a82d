"""Preference models for people who disagree."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polypref.alignment.config import AlignmentConfig as AlignmentConfig
    from polypref.alignment.recipe import align as align
    from polypref.customization.config import make_customize_config as make_customize_config
    from polypref.customization.recipe import customize as customize
    from polypref.errors import DataError as DataError
    from polypref.errors import PolyprefError as PolyprefError
    from polypref.errors import Undefined as Undefined
    from polypref.evaluation.confusion import domain_confusion as domain_confusion
    from polypref.groups.deriving import comparisons_from_ratings as comparisons_from_ratings
    from polypref.groups.model import Comparison as Comparison
    from polypref.groups.model import Group as Group
    from polypref.groups.model import Message as Message
    from polypref.groups.model import Rating as Rating
    from polypref.groups.reading import GroupReader as GroupReader
    from polypref.groups.simulate import simulate as simulate
    from polypref.groups.sources import load_groups as load_groups
    from polypref.groups.splitting import split_groups as split_groups
    from polypref.groups.writing import save_groups as save_groups
    from polypref.groups.writing import to_rows as to_rows
    from polypref.inspection.findings import Inspection as Inspection
    from polypref.inspection.inspector import inspect_groups as inspect_groups
    from polypref.models.domains import DomainModels as DomainModels
    from polypref.models.domains import save_adapter as save_adapter
    from polypref.models.preference_model import PreferenceModel as PreferenceModel
    from polypref.training.config import TrainingConfig as TrainingConfig
    from polypref.training.recipe import train as train

__version__ = "0.1.0"

# public name → the module it lives in; loaded when first used, so that `import polypref` stays fast
_PLACES = {
    "AlignmentConfig": "alignment.config",
    "Comparison": "groups.model",
    "DataError": "errors",
    "DomainModels": "models.domains",
    "Group": "groups.model",
    "GroupReader": "groups.reading",
    "Inspection": "inspection.findings",
    "Message": "groups.model",
    "PolyprefError": "errors",
    "PreferenceModel": "models.preference_model",
    "Rating": "groups.model",
    "TrainingConfig": "training.config",
    "Undefined": "errors",
    "align": "alignment.recipe",
    "comparisons_from_ratings": "groups.deriving",
    "customize": "customization.recipe",
    "domain_confusion": "evaluation.confusion",
    "inspect_groups": "inspection.inspector",
    "load_groups": "groups.sources",
    "make_customize_config": "customization.config",
    "save_adapter": "models.domains",
    "save_groups": "groups.writing",
    "simulate": "groups.simulate",
    "split_groups": "groups.splitting",
    "to_rows": "groups.writing",
    "train": "training.recipe",
}

__all__ = ["__version__", *_PLACES]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'polypref' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"polypref.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
