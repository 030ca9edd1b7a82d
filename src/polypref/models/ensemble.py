"""Several models of the same thing, such as runs from several seeds, as one that knows how far they differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from scipy.special import logit

from polypref import choice
from polypref.errors import PolyprefError, unknown
from polypref.groups.model import Group
from polypref.models.answer import RULES, Answer, StateAnswer
from polypref.models.preference_model import WINDOW, PreferenceModel

Floats = npt.NDArray[np.float64]

_LEAST = 1e-12  # of a mean probability, so that its log-odds are finite


@dataclass(frozen=True, eq=False)
class EnsembleAnswer(Answer):
    """What all members say of one group, and how far they differ."""

    members: Sequence[StateAnswer]
    pessimism: float = 0.0  # spreads by which a utility is lowered

    @cached_property
    def preferences(self) -> Floats:
        """The mean of the members' P[i, j], `[K, K]`."""
        return np.mean([answer.preferences for answer in self.members], axis=0)

    @cached_property
    def log_odds(self) -> Floats:
        """Those of the mean preferences, `[K, K]`; of a pessimist, the differences of the lowered utilities."""
        if self.pessimism:
            return self.utilities[:, None] - self.utilities
        return logit(self.preferences.clip(_LEAST, 1 - _LEAST))

    @cached_property
    def utilities(self) -> Floats:
        """Mean over members of the mean log-odds against the others of the group, less `pessimism` spreads, `[K]`."""
        return self._leads.mean(axis=0) - self.pessimism * self.spread

    @cached_property
    def spread(self) -> Floats:
        """Standard deviation over members of the mean log-odds against the others of the group, `[K]`."""
        return self._leads.std(axis=0, ddof=1)

    def rank(self, rule: str = "borda") -> list[int]:
        """Indices of the responses, best first; a pessimist's by the lowered utilities, whatever the rule."""
        if rule not in RULES:
            raise PolyprefError(unknown("rule", rule, RULES))
        if self.pessimism or rule == "utility":
            return [int(at) for at in np.argsort(-self.utilities, kind="stable")]
        return [int(at) for at in choice.rank(self.preferences, cast(choice.Rule, rule))]

    @cached_property
    def _leads(self) -> Floats:
        """`[members, K]`."""
        log_odds = np.stack([answer.log_odds for answer in self.members])
        return log_odds.sum(axis=2) / max(log_odds.shape[1] - 1, 1)


class Ensemble:
    """At least two models that are asked together; what they say of a group is an `EnsembleAnswer`.

    With `pessimism` k, responses are as good as their mean less k spreads: what the members disagree about is not
    trusted, which a policy that follows them would otherwise seek out. `align(config, guide=ensemble)` follows it.
    """

    def __init__(self, members: Sequence[PreferenceModel], pessimism: float = 0.0) -> None:
        if len(members) < 2:
            raise PolyprefError(f"an ensemble has at least two models, got {len(members)}")
        if not 0 <= pessimism < float("inf"):
            raise PolyprefError(f"pessimism is {pessimism}; it is a number of spreads from 0")
        self.members = tuple(members)
        self.pessimism = pessimism

    @classmethod
    def from_pretrained(cls, paths: Sequence[str | Path], pessimism: float = 0.0, **settings: Any) -> Ensemble:
        """Saved models, loaded as `PreferenceModel.from_pretrained` does with these settings."""
        return cls([PreferenceModel.from_pretrained(path, **settings) for path in paths], pessimism)

    def encode(self, groups: Iterable[Group]) -> Iterator[tuple[Group, EnsembleAnswer]]:
        """Each group with what the members say of it, in order."""
        for group, answers in asked_together(self.members, groups):
            yield group, EnsembleAnswer(answers, self.pessimism)

    def answer(self, group: Group) -> EnsembleAnswer:
        """What the members say of one group."""
        [(_, answer)] = self.encode([group])
        return answer


def asked_together(
    members: Sequence[PreferenceModel], groups: Iterable[Group]
) -> Iterator[tuple[Group, list[StateAnswer]]]:
    """Each group with what every model says of it, in order."""
    source = iter(groups)
    while window := list(islice(source, WINDOW)):
        said = zip(*(member.encode(window) for member in members))
        for group, answers in zip(window, said):
            yield group, [answer for _, answer in answers]
