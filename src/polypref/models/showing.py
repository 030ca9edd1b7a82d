"""A preference model as a terminal and a notebook show it: its head, its backbone, its size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypref import notebook
from polypref.markup import Markup

if TYPE_CHECKING:
    from polypref.models.preference_model import PreferenceModel


def line(model: PreferenceModel) -> str:
    """The model on one line."""
    said = _facts(model)
    domain = f", domain {said['domain']}" if "domain" in said else ""
    return f"PreferenceModel({said['head']}, {said['backbone']} of {said['size']}, inputs of {said['inputs']}{domain})"


def html(model: PreferenceModel) -> Markup:
    """The model as a notebook shows it."""
    return notebook.box("PreferenceModel", notebook.facts(_facts(model).items()))


def _facts(model: PreferenceModel) -> dict[str, str]:
    encoder = model.encoder
    weights = sum(parameter.numel() for parameter in encoder.parameters())
    made_of = f" ({model.base})" if model.base else ""
    said = {
        "head": str(model.head),
        "backbone": f"{type(encoder.classifier).__name__}{made_of}",
        "size": f"{weights / 1e6:,.1f} M weights on {encoder.device}",
        "inputs": f"up to {model.inputs.max_length:,} tokens",
    }
    return said if model.domain is None else {**said, "domain": model.domain}
