"""The models that are served, by name: each with its domains, its queue and its thread."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from polypref.errors import PolyprefError, unknown
from polypref.groups.model import Group
from polypref.models.answer import StateAnswer
from polypref.models.customized import is_customized
from polypref.models.domains import DomainModels
from polypref.models.loading import Loading
from polypref.models.preference_model import PreferenceModel
from polypref.serving.batching import CACHED_ROWS, MOST_WAITING, Batcher, Question
from polypref.serving.errors import Refused
from polypref.serving.transcripts import Transcripts


@dataclass(frozen=True)
class Weights:
    """What was loaded from one place: a model, or those of a customised folder by domain."""

    general: PreferenceModel
    domains: DomainModels | None = None

    @classmethod
    def load(cls, place: str, loading: Loading) -> Weights:
        """From a folder or an id, as commands name it."""
        if is_customized(place):
            domains = loading.domains(place)
            return cls(next(iter(domains.values())), domains)
        return cls(loading.model(place))

    def model_for(self, domain: str | None, group: Group) -> PreferenceModel:
        """The model that reads a group: of the domain that was asked for, or else of the group's own."""
        if self.domains is None:
            return self.general
        return self.domains[domain if domain is not None else self.domains.name_for(group)]


class Served:
    """One model that is served."""

    def __init__(
        self,
        name: str,
        weights: Weights,
        *,
        place: str | None = None,
        most_waiting: int = MOST_WAITING,
        cached_rows: int = CACHED_ROWS,
    ) -> None:
        self.name, self.place = name, place
        self._use(weights)
        self.batcher = Batcher(weights.model_for, most_waiting=most_waiting, cached_rows=cached_rows, name=name)

    def _use(self, weights: Weights) -> None:
        self.weights = weights
        self.transcripts = Transcripts.of(weights.general.inputs)

    @property
    def model(self) -> PreferenceModel:
        """The model, or the general one of a customised folder."""
        return self.weights.general

    @property
    def domains(self) -> list[str]:
        """The domains that have a model of their own."""
        return [] if self.weights.domains is None else list(self.weights.domains)

    def check_domain(self, domain: str | None) -> None:
        """Refuse a domain that has no model."""
        if domain is not None and domain not in self.domains:
            if not self.domains:
                raise Refused(f"the model {self.name} has no domains: leave the domain out")
            raise Refused(unknown("domain", domain, self.domains), 404)

    async def ask(self, question: Question, domain: str | None = None) -> StateAnswer:
        """What the model says of a group; a caller who is cancelled leaves the queue."""
        self.check_domain(domain)
        return await asyncio.wrap_future(self.batcher.submit(question, domain))

    def swap(self, weights: Weights) -> None:
        """Go on with other weights; no request is lost."""
        old, new = self.model.head, weights.general.head
        if old != new:
            raise PolyprefError(
                f"the new checkpoint of {self.name} has a {new.name} head with other settings than the {old.name} head "
                "that is served: start the service anew"
            )
        self.batcher.replace(weights.model_for)
        self._use(weights)

    def close(self) -> None:
        """Answer what waits, and end."""
        self.batcher.close()


class Host(Mapping[str, Served]):
    """All models that are served."""

    def __init__(self, served: Sequence[Served]) -> None:
        self._served = {one.name: one for one in served}
        if len(self._served) < len(served):
            raise PolyprefError("two models have the same name: give them others, as NAME=FOLDER")
        self._places = {one.place: one.name for one in served if one.place is not None}

    @classmethod
    def load(cls, names: Sequence[str], loading: Loading, *, most_waiting: int = MOST_WAITING) -> Host:
        """Models as they are named on the command line: FOLDER, or NAME=FOLDER."""
        served = []
        for given in names:
            name, place = _named(given)
            served.append(Served(name, Weights.load(place, loading), place=place, most_waiting=most_waiting))
        return cls(served)

    def find(self, name: str | None) -> Served:
        """The model a request names, by its name or where it was loaded from; the only one, if it names none."""
        if name is None:
            if len(self._served) != 1:
                raise Refused(f"several models are served: name one of {', '.join(self._served)}")
            return next(iter(self._served.values()))
        name = self._places.get(name, name)
        if name not in self._served:
            raise Refused(unknown("model", name[:100], self._served), 404)
        return self._served[name]

    def close(self) -> None:
        """End all threads."""
        for one in self._served.values():
            one.close()

    def __getitem__(self, name: str) -> Served:
        return self._served[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._served)

    def __len__(self) -> int:
        return len(self._served)


def _named(given: str) -> tuple[str, str]:
    name, equals, place = given.partition("=")
    if equals and name and "/" not in name:
        return name, place
    return Path(given).name or given, given
