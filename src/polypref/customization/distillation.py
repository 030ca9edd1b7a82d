"""Distillation: the general model's opinion of a domain's pairs, as votes beside those of people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from polypref.groups.deriving import TEACHER
from polypref.groups.model import Comparison, Group
from polypref.models.answer import Floats
from polypref.models.preference_model import PreferenceModel
from polypref.objectives import Objective, group_judgments
from polypref.objectives.logistic import Logistic
from polypref.training.config import ConfigError

_LIKELIHOODS = ("logistic", "dpl")


def with_opinion(groups: Sequence[Group], model: PreferenceModel, weight: float) -> list[Group]:
    """The groups with one more comparison for each judged pair: the share P_general(i ≻ j), with `weight` times the
    pair's votes. All votes are then divided by 1 + weight, so that a pair counts as much as before beside others.

    An objective that is a likelihood of votes, ℓ(s) = −s·log P − (1−s)·log(1−P), is linear in their share s, so the
    mean over votes becomes (ℓ(share of people) + weight·ℓ(P_general)) / (1 + weight): the loss on the data plus
    `weight` times the cross-entropy towards the general model, up to a factor.
    """
    return [
        replace(group, comparisons=(*_scaled(group.comparisons, weight), *_votes(group, preferences, weight)))
        for group, preferences in zip(groups, model.preferences(groups))
    ]


def check_objective(objective: Objective, weight: float) -> None:
    """Refuse to distil with an objective in which votes do not add up, or would be changed on the way."""
    name = objective.name
    if weight and isinstance(objective, Logistic) and (objective.margin or objective.label_smoothing):
        raise ConfigError(
            "distillation is towards the general model's own probabilities, which margin and label_smoothing would "
            "shift: leave them out of objective_settings, or set distillation to 0"
        )
    if weight and name not in _LIKELIHOODS:
        raise ConfigError(
            f"distillation adds votes of the general model, which objectives that are likelihoods of votes learn from, "
            f"{' and '.join(_LIKELIHOODS)}, and {name} is none; choose one of them, or set distillation to 0"
        )


def _votes(group: Group, preferences: Floats, weight: float) -> Iterable[Comparison]:
    said = group_judgments(group)
    for i, j, votes in zip(said.first.tolist(), said.second.tolist(), said.weight.tolist()):
        yield Comparison(i, j, p=float(preferences[i, j]), annotator=TEACHER, weight=votes * weight / (1 + weight))


def _scaled(comparisons: Iterable[Comparison], weight: float) -> Iterable[Comparison]:
    return (replace(c, weight=c.weight / (1 + weight)) for c in comparisons)
