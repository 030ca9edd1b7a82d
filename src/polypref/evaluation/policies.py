"""Policies by their samples: who wins against whom, how far from the reference, and how varied the texts are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from polypref.errors import DataError
from polypref.groups.model import Group
from polypref.groups.splitting import prompt_key
from polypref.models.preference_model import PreferenceModel
from polypref.statistics.length_control import length_controlled
from polypref.statistics.resampling import Bootstrap, Estimate, Terms

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Versus:
    """One policy against another, over the same prompts."""

    win_rate: Estimate  # mean P of the judge, over all pairs of a sample of the one and a sample of the other
    length_controlled: Estimate  # the same at equal lengths
    longer: float  # mean difference of lengths, in characters
    prompts: int


@dataclass(frozen=True, slots=True)
class Texts:
    """What samples look like, whoever judges them."""

    length: Estimate  # characters
    distinct_1: float  # distinct words of all words of the samples of a prompt, on average
    distinct_2: float  # the same of pairs of neighbouring words
    repeated: float  # share of the samples that another sample of the same prompt equals
    ended: float | None  # share that ended by themselves, where it is known


def versus(judge: PreferenceModel, mine: Sequence[Group], theirs: Sequence[Group]) -> Versus:
    """Samples of one policy judged against samples of another; both need samples for the same prompts."""
    pairs = _paired(mine, theirs)
    wins, lengths, others, prompts, weights = [], [], [], [], []
    for at, ((one, other), won) in enumerate(zip(pairs, _won(judge, pairs))):
        wins.append(won.ravel())
        lengths.append(np.repeat([len(text) for text in one.responses], len(other)))
        others.append(np.tile([len(text) for text in other.responses], len(one)))
        prompts.append(np.full(won.size, at))
        weights.append(np.full(won.size, 1 / won.size))
    won, long, short, prompt, weight = map(np.concatenate, (wins, lengths, others, prompts, weights))
    rate = Bootstrap(prompt).estimates({"wins": Terms(won * weight, weight)})["wins"]
    assert rate is not None
    controlled = length_controlled(won, long.astype(float), short.astype(float), prompt)
    return Versus(rate, controlled, float(((long - short) * weight).sum() / weight.sum()), len(pairs))


def tournament(judge: PreferenceModel, policies: Mapping[str, Sequence[Group]]) -> Floats:
    """Win rates between all policies, `[M, M]`: row against column, ½ on the diagonal; P + Pᵀ = 1."""
    names = list(policies)
    rates = np.full((len(names), len(names)), 0.5)
    for i, j in combinations(range(len(names)), 2):
        won = _won(judge, _paired(policies[names[i]], policies[names[j]]))
        rates[i, j] = np.mean([of_prompt.mean() for of_prompt in won])
        rates[j, i] = 1 - rates[i, j]
    return rates


def mean_over_prompts(values: Sequence[Sequence[float]]) -> Estimate:
    """The mean of what was measured on each prompt's samples, prompts counting alike, with an interval over prompts.

    Of log π(y) − log π_ref(y) for samples of π it is an unbiased estimate of KL(π ‖ π_ref); of −log π(y), of the
    entropy.
    """
    means = np.array([np.mean(of_prompt) for of_prompt in values], dtype=np.float64)
    if not len(means):
        raise DataError("no samples to take a mean of")
    found = Bootstrap(np.arange(len(means))).estimates({"mean": Terms(means, np.ones(len(means)))})["mean"]
    assert found is not None
    return found


def describe_texts(samples: Sequence[Group], endings: Sequence[Sequence[str]] | None = None) -> Texts:
    """Lengths, variety and repetition of samples; `endings` say for each why it ended, `end` or `length`."""
    flat = [ending for of_prompt in endings or () for ending in of_prompt]
    return Texts(
        length=mean_over_prompts([[len(text) for text in group.responses] for group in samples]),
        distinct_1=float(np.mean([_distinct(group.responses, 1) for group in samples])),
        distinct_2=float(np.mean([_distinct(group.responses, 2) for group in samples])),
        repeated=float(np.mean([1 - len(set(group.responses)) / len(group) for group in samples])),
        ended=flat.count("end") / len(flat) if flat else None,
    )


def _won(judge: PreferenceModel, pairs: Sequence[tuple[Group, Group]]) -> Iterator[Floats]:
    """P that each sample of the one is preferred to each of the other, `[own, others]`, prompt by prompt."""
    together = [Group(one.prompt, (*one.responses, *other.responses)) for one, other in pairs]
    for (one, _), (_, answer) in zip(pairs, judge.encode(together)):
        yield answer.preferences[: len(one), len(one) :]


def _distinct(texts: Sequence[str], n: int) -> float:
    """Distinct n-grams of words of all n-grams, 1 where there are none."""
    grams = [tuple(words[at : at + n]) for words in map(str.split, texts) for at in range(len(words) - n + 1)]
    return len(set(grams)) / len(grams) if grams else 1.0


def _paired(mine: Sequence[Group], theirs: Sequence[Group]) -> list[tuple[Group, Group]]:
    """The samples of both by prompt; those whose prompt only one has are left out."""
    by_prompt = {prompt_key(group): group for group in theirs}
    pairs = [(group, by_prompt[key]) for group in mine if (key := prompt_key(group)) in by_prompt]
    if not pairs:
        raise DataError("the two policies have no prompt in common: sample both on the same prompts")
    return pairs
