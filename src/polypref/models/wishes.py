"""One's own taste: several models of single attributes, each with a weight, asked as one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from polypref import choice
from polypref.errors import PolyprefError, unknown
from polypref.groups.model import Group
from polypref.models.answer import RULES, Answer, StateAnswer
from polypref.models.ensemble import asked_together
from polypref.models.preference_model import PreferenceModel

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WishedAnswer(Answer):
    """What all models say of one group, weighed."""

    members: Sequence[StateAnswer]
    weights: tuple[float, ...]

    @cached_property
    def log_odds(self) -> Floats:
        """Σ_m w_m ℓ_m, `[K, K]`."""
        return np.tensordot(np.array(self.weights), np.stack([answer.log_odds for answer in self.members]), axes=1)

    @cached_property
    def preferences(self) -> Floats:
        """σ of the weighed log-odds, `[K, K]`."""
        return np.asarray(expit(self.log_odds))

    @cached_property
    def utilities(self) -> Floats:
        """Mean weighed log-odds against the others of the group, `[K]`."""
        return self.log_odds.sum(axis=1) / max(len(self.log_odds) - 1, 1)

    def rank(self, rule: str = "borda") -> list[int]:
        """Indices of the responses, best first."""
        if rule not in RULES:
            raise PolyprefError(unknown("rule", rule, RULES))
        if rule == "utility":
            return [int(at) for at in np.argsort(-self.utilities, kind="stable")]
        return [int(at) for at in choice.rank(self.preferences, cast(choice.Rule, rule))]


class Wishes:
    """Models by attribute, and how much of each is wished for: log-odds are Σ w ℓ, such as 0.7 helpful + 0.3 short.

    Weights are in the models' log-odds, which held-out votes have calibrated; a negative one wishes for the opposite.
    They may change without a training: `wishes.weighed(short=0.5)`. `align(config, guide=wishes)` follows them.
    """

    def __init__(self, models: Mapping[str, PreferenceModel], weights: Mapping[str, float]) -> None:
        _check(weights)
        for name in weights:
            if name not in models:
                raise PolyprefError(unknown("attribute", name, tuple(models)))
        self.models = dict(models)
        self.weights = {name: float(weight) for name, weight in weights.items() if weight}

    @classmethod
    def from_pretrained(cls, wishes: str, folder: str | Path = ".", **settings: Any) -> Wishes:
        """Saved models in a folder, by wishes such as `helpful=0.7,short=0.3`."""
        weights = read_wishes(wishes)
        _check(weights)
        models = {name: PreferenceModel.from_pretrained(Path(folder) / name, **settings) for name in weights}
        return cls(models, weights)

    def weighed(self, **weights: float) -> Wishes:
        """The same models with other weights; those not named stay as they are."""
        return Wishes(self.models, {**self.weights, **weights})

    def encode(self, groups: Iterable[Group]) -> Iterator[tuple[Group, WishedAnswer]]:
        """Each group with what is made of the models' answers, in order."""
        weights = tuple(self.weights.values())
        for group, answers in asked_together([self.models[name] for name in self.weights], groups):
            yield group, WishedAnswer(answers, weights)

    def answer(self, group: Group) -> WishedAnswer:
        """What is made of the models' answers of one group."""
        [(_, answer)] = self.encode([group])
        return answer


def read_wishes(text: str) -> dict[str, float]:
    """Weights by name, of `helpful=0.7,short=0.3`."""
    found: dict[str, float] = {}
    for part in text.split(","):
        name, equals, number = (piece.strip() for piece in part.rpartition("="))
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if not name or not equals or not math.isfinite(weight):
            raise PolyprefError(f"expected wishes such as helpful=0.7,short=0.3, got {part.strip()!r} in {text!r}")
        if name in found:
            raise PolyprefError(f"{name!r} is wished for twice in {text!r}")
        found[name] = weight
    return found


def _check(weights: Mapping[str, float]) -> None:
    if not all(map(math.isfinite, weights.values())) or not any(weights.values()):
        raise PolyprefError(f"expected finite weights of which one is not 0, got {dict(weights)}")
