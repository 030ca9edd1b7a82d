"""From a preference model to the predictions that are judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from polypref.evaluation.prediction import Prediction
from polypref.groups.model import Group
from polypref.models.preference_model import GroupStates, PreferenceModel


def predict(model: PreferenceModel, groups: Iterable[Group]) -> Iterator[tuple[Group, Prediction]]:
    """Each group with what the model says about it, streaming."""
    for group, known in model.encode(groups):
        yield group, prediction(model, known)


def prediction(model: PreferenceModel, known: GroupStates) -> Prediction:
    """What a model says about a group that is encoded already."""
    labels = model.labels
    return Prediction(
        preferences=model.preference_matrix(known),
        utilities=model.utility(known),
        distributions=None if labels is None else model.distribution(known),
        labels=labels,
    )
