"""Domain and general accuracy of a model, with intervals, and their differences to the general model's."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from polypref.evaluation.metrics import TIE, JudgedPairs, accuracy
from polypref.groups.model import Group
from polypref.groups.splitting import prompt_key
from polypref.models.preference_model import PreferenceModel
from polypref.objectives import group_judgments
from polypref.statistics.resampling import Bootstrap, Estimate, Terms, percentiles

Floats = NDArray[np.float64]

_RESAMPLES = 1000


@dataclass(frozen=True)
class Scores:
    """How good a model is for a domain and in general. Intervals are 95 %, by resampling prompts."""

    domain: Estimate  # accuracy on the domain's comparisons
    general: Mapping[str, Estimate]  # on each general set's
    mean: Estimate  # of the general accuracies, each set counting alike
    gained: Estimate  # domain accuracy beyond that of the general model on the same comparisons
    lost: Estimate  # by how much `mean` is below that of the general model on the same comparisons


@dataclass(frozen=True, eq=False)
class Answers:
    """Which comparisons of one set a model gets right: as terms of its accuracy, one each, with their prompts."""

    right: Terms
    prompt: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class AllAnswers:
    """Those on the domain and on every general set."""

    domain: Answers
    general: Mapping[str, Answers]


class GeneralAnswers:
    """What the general model gets right, remembered: all domains and settings are compared with it on the same sets."""

    def __init__(self) -> None:
        # sets are told apart by being the same object, which is kept, so that no other takes its id
        self._known: dict[tuple[Hashable, int], tuple[Sequence[Group], Answers]] = {}

    def on(self, groups: Sequence[Group], general: PreferenceModel, loading: Hashable) -> Answers:
        """On one set, by the model that was loaded so; of one loading all models are the same."""
        key = (loading, id(groups))
        if key not in self._known:
            self._known[key] = (groups, _answers(general, groups))
        return self._known[key][1]


class Yardstick:
    """The sets that models are measured on, side by side with the general model."""

    def __init__(self, domain: Sequence[Group], general: Mapping[str, Sequence[Group]], seed: int = 0) -> None:
        self.domain = domain
        self.general = general
        self.seed = seed

    def answers(self, model: PreferenceModel, ask: Callable[[Sequence[Group]], Answers] | None = None) -> AllAnswers:
        """What a model gets right; `ask` stands in for reading the sets."""
        ask = ask or partial(_answers, model)
        return AllAnswers(ask(self.domain), {name: ask(groups) for name, groups in self.general.items()})

    def accuracy(self, model: PreferenceModel) -> Estimate:
        """That on the domain alone."""
        return self._accuracy(_answers(model, self.domain), 0)

    def scores(self, now: AllAnswers, before: AllAnswers) -> Scores:
        """Those of a model beside the general one's answers."""
        general = list(zip(now.general.values(), before.general.values()))
        return Scores(
            domain=self._accuracy(now.domain, 0),
            general={name: self._accuracy(answers, 1 + k) for k, (name, answers) in enumerate(now.general.items())},
            mean=self._estimate([ours for ours, _ in general], 1),
            gained=self._estimate([_difference(now.domain, before.domain)]),
            lost=self._estimate([_difference(theirs, ours) for ours, theirs in general], 1),
        )

    def _accuracy(self, answers: Answers, number: int) -> Estimate:
        bootstrap = Bootstrap(answers.prompt, resamples=_RESAMPLES, seed=self.seed + number)
        widened = bootstrap.widened(self._estimate([answers], number), answers.right)
        assert widened is not None
        return widened

    def _estimate(self, sets: Sequence[Answers], first: int = 0) -> Estimate:
        """The mean over sets of Σ right / Σ pairs; prompts are resampled in each set by itself.

        Sets are numbered from `first`, so that one is resampled alike in every number it enters.
        """
        value = float(np.mean([answers.right.ratio() for answers in sets]))
        bootstraps = [
            Bootstrap(answers.prompt, resamples=_RESAMPLES, seed=self.seed + first + k)
            for k, answers in enumerate(sets)
        ]
        units = min(bootstrap.units for bootstrap in bootstraps)
        if units < 2:
            return Estimate(value)
        samples = np.mean([_samples(one, answers.right) for one, answers in zip(bootstraps, sets)], axis=0)
        return Estimate(value, *percentiles(samples[np.isfinite(samples)], units))


def _samples(bootstrap: Bootstrap, terms: Terms) -> Floats:
    """The ratio in every resample, `[R]`; NaN in one that drew no comparison with a majority."""
    top, bottom = bootstrap.sums(np.stack([bootstrap.total(part) for part in terms], axis=1)).T
    return np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > 0)


def _answers(model: PreferenceModel, groups: Sequence[Group]) -> Answers:
    numbers: dict[str, int] = {}
    columns: list[list[Floats]] = [[], [], []]
    prompts: list[int] = []
    for group, answer in model.encode([group for group in groups if group.comparisons]):
        said = group_judgments(group)
        margins = answer.margins(len(group))
        assert margins is not None  # every model of ours predicts preferences
        for column, values in zip(columns, (margins[said.first, said.second], said.share, said.weight)):
            column.append(values)
        prompts += [numbers.setdefault(prompt_key(group), len(numbers))] * len(said.first)
    margin, share, votes = (np.concatenate(column) for column in columns)
    pairs = JudgedPairs(np.where(np.abs(margin) < TIE, 0.0, margin), share, votes, np.array(prompts, dtype=np.int64))
    return Answers(accuracy(pairs), pairs.prompt)


def _difference(a: Answers, b: Answers) -> Answers:
    """On the same comparisons, what a gets right and b does not, less what b gets right and a does not."""
    return Answers(Terms(a.right.top - b.right.top, a.right.bottom), a.prompt)
