"""The responses of groups in order, written beside them under the key "ranking"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from polypref.evaluation.scoring import DIGITS
from polypref.groups.model import Group
from polypref.models.answer import Cut, Ranking
from polypref.models.preference_model import PreferenceModel

RANKING = "ranking"  # the key beside a group's own; readers keep it in `meta`


@dataclass(frozen=True)
class Ranked:
    """A group, its ranking with scores of a few digits, and the domain whose model ranked, if models have domains."""

    group: Group
    ranking: Ranking
    domain: str | None

    def beside(self, model: str) -> Group:
        """The group with its ranking in `meta`, under the name that the model is given."""
        domain = {} if self.domain is None else {"domain": self.domain}
        block: dict[str, Any] = {"model": model, **domain, **self.ranking._asdict()}
        return replace(self.group, meta={**self.group.meta, RANKING: block})


def rank_groups(model: PreferenceModel, groups: Iterable[Group], rule: str, cut: Cut) -> Iterator[Ranked]:
    """The groups in their order, each ranked under a rule; what the model did not read is counted."""
    for group, answer in model.encode(groups):
        found = answer.ranking(rule)
        scores = [None if score is None else float(f"{score:.{DIGITS}g}") for score in found.scores]
        cut.count(answer)
        yield Ranked(group, found._replace(scores=scores), answer.domain)
