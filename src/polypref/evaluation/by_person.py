"""Whether it pays to tell persons apart: each person's votes, predicted as theirs and as anybody's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from polypref.errors import PolyprefError
from polypref.evaluation import metrics
from polypref.evaluation.cache import StateCache
from polypref.evaluation.metrics import JudgedPairs
from polypref.groups.model import Group
from polypref.groups.pairs import votes_by_annotator
from polypref.models.answer import StateAnswer
from polypref.models.persons import Persons
from polypref.models.preference_model import PreferenceModel
from polypref.statistics.comparing import Difference, Evidence, compare
from polypref.statistics.resampling import Bootstrap, Estimate, Terms

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ByPerson:
    """How the votes of persons whom a model knows are predicted, with their own tastes and with the population's."""

    persons: int
    pairs: int  # of one person and two responses
    unknown: int  # pairs judged by others, which are not counted
    personal: dict[str, Estimate]  # accuracy, log_loss
    anonymous: dict[str, Estimate]
    difference: dict[str, Difference]  # personal less anonymous

    def to_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return asdict(self)


def measure_by_person(
    model: PreferenceModel,
    groups: Sequence[Group],
    *,
    reader: PreferenceModel | StateCache | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> ByPerson:
    """Accuracy and log loss on the votes of every person known, once as theirs and once as anybody's, over prompts.

    A person's votes on a pair are added up; each pair of a person counts once in the accuracy, and each vote in the
    log loss. `reader` is the model or the cache of its states.
    """
    persons = model.persons
    if persons is None:
        raise PolyprefError(
            f"the {model.head.name} model knows no persons, so it has no predictions by annotator: train a head that "
            "tells them apart"
        )
    rows, prompts, unknown = [], [], 0
    seen: set[str] = set()
    for at, (group, answer) in enumerate((reader or model).encode(groups)):
        for name, row in _votes(persons, group, answer):
            if name is None:
                unknown += len(row)
                continue
            seen.add(name)
            rows.append(row)
            prompts.append(np.full(len(row), at))
    if not rows:
        raise PolyprefError("the data hold no comparison by anybody whom the model knows")
    anonymous, personal, share, votes = np.concatenate(rows).T
    prompt = np.unique([groups[at].prompt_text for at in np.concatenate(prompts)], return_inverse=True)[1]
    found = {
        name: JudgedPairs(expit(log_odds) - 0.5, share, votes, prompt, log_odds)
        for name, log_odds in (("personal", personal), ("anonymous", anonymous))
    }
    terms = {
        name: {"accuracy": metrics.accuracy(one), "log_loss": metrics.log_loss(one)} for name, one in found.items()
    }
    bootstrap = Bootstrap(prompt, resamples=resamples, seed=seed)
    estimates = {
        name: {key: value for key, value in bootstrap.estimates(one).items() if value is not None}
        for name, one in terms.items()
    }
    evidence = {name: _evidence(one, prompt) for name, one in terms.items()}
    difference = compare(evidence["personal"], evidence["anonymous"], resamples=resamples, seed=seed)
    return ByPerson(len(seen), len(share), unknown, estimates["personal"], estimates["anonymous"], difference)


def _votes(persons: Persons, group: Group, answer: StateAnswer) -> Iterator[tuple[str | None, Floats]]:
    """Of each person: anonymous and personal log-odds, share and votes of every pair, `[n, 4]`; None: of others."""
    for name, said in votes_by_annotator(group).items():
        known = name is not None and name in persons
        log_odds = answer.log_odds[said.first, said.second]
        own = log_odds
        if known and name is not None:
            utility = answer.utilities_of(np.array([persons.taste(name)]))[0]
            own = (utility[said.first] - utility[said.second]) / answer.temperature
        yield name if known else None, np.stack([log_odds, own, said.share, said.votes], axis=1)


def _evidence(terms: dict[str, Terms], prompt: npt.NDArray[np.int64]) -> Evidence:
    prompts = int(prompt.max()) + 1
    added = {
        name: Terms(*(np.bincount(prompt, part, prompts).astype(np.float64) for part in one))
        for name, one in terms.items()
    }
    return Evidence(tuple(range(prompts)), added)
