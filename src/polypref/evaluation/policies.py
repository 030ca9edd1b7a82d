"""Policies by their samples: who wins against whom, how far from the reference, and how varied the texts are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polypref.errors import DataError
from polypref.groups.model import Group
from polypref.groups.splitting import prompt_key
from polypref.models.answer import Answer
from polypref.models.preference_model import PreferenceModel
from polypref.statistics.length_control import length_controlled
from polypref.statistics.resampling import Bootstrap, Estimate, Terms

Floats = npt.NDArray[np.float64]


NO_ANSWER = "(no answer)"  # stands in for a sample without any text, which no group can hold


@dataclass(frozen=True, slots=True)
class Judgment:
    """What a judge says of the samples of several policies for one prompt."""

    samples: tuple[Group, ...]  # by policy
    preferences: Floats  # P that each sample of the pool is preferred to each other, [n, n], policy after policy

    def between(self, i: int, j: int) -> Floats:
        """P that each sample of the policy i is preferred to each of the policy j, `[K_i, K_j]`."""
        return self.preferences[self.part(i), self.part(j)]

    def part(self, policy: int) -> slice:
        """Where the samples of a policy are in the pool."""
        start = sum(len(group) for group in self.samples[:policy])
        return slice(start, start + len(self.samples[policy]))


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
    empty: float = 0.0  # share without any text


def versus(judge: PreferenceModel, mine: Sequence[Group], theirs: Sequence[Group]) -> Versus:
    """Samples of one policy judged against samples of another; both need samples for the same prompts."""
    return compare(list(judged(judge, [mine, theirs])), 0, 1)


def compare(judgments: Sequence[Judgment], i: int, j: int) -> Versus:
    """The policy i against the policy j, as both were judged on each prompt."""
    wins, lengths, others, prompts, weights = [], [], [], [], []
    for at, one in enumerate(judgments):
        won = one.between(i, j)
        wins.append(won.ravel())
        lengths.append(np.repeat(text_lengths(one.samples[i]), won.shape[1]))
        others.append(np.tile(text_lengths(one.samples[j]), won.shape[0]))
        prompts.append(np.full(won.size, at))
        weights.append(np.full(won.size, 1 / won.size))
    won, long, short, prompt, weight = map(np.concatenate, (wins, lengths, others, prompts, weights))
    rate = Bootstrap(prompt).estimates({"wins": Terms(won * weight, weight)})["wins"]
    assert rate is not None
    controlled = length_controlled(won, long.astype(float), short.astype(float), prompt)
    return Versus(rate, controlled, float(((long - short) * weight).sum() / weight.sum()), len(judgments))


def judged(judge: PreferenceModel, policies: Sequence[Sequence[Group]]) -> Iterator[Judgment]:
    """The samples of some policies for each prompt that all of them answered, judged in one encoding.

    A sample without text is not shown to the judge: it loses to every sample with text, and ties with another without.
    """
    by_prompt = [{prompt_key(group): group for group in samples} for samples in policies]
    shared = [key for key in by_prompt[0] if all(key in of_policy for of_policy in by_prompt)]
    if not shared:
        raise DataError("the policies have no prompt in common: sample all of them on the same prompts")
    pools = [tuple(of_policy[key] for of_policy in by_prompt) for key in shared]
    distinct = [_said(pool) for pool in pools]
    shown = (Group(pool[0].prompt, tuple(said)) for pool, said in zip(pools, distinct) if said)
    answers = iter(judge.encode(shown))
    for pool, said in zip(pools, distinct):
        P = _with_silence(next(answers)[1], len(said)) if said else np.full((1, 1), 0.5)
        places = [said.get(text, len(said)) for group in pool for text in group.responses]
        yield Judgment(pool, P[np.ix_(places, places)])


def _said(pool: Sequence[Group]) -> dict[str, int]:
    """The distinct texts of a pool with their numbers, without those that are none."""
    texts = dict.fromkeys(text for group in pool for text in group.responses if text != NO_ANSWER)
    return {text: number for number, text in enumerate(texts)}


def _with_silence(answer: Answer, k: int) -> Floats:
    """P of k texts, and of one without text in the last row and column."""
    margins = answer.margins(k)
    if margins is None:
        raise DataError("the judge says nothing of who is preferred to whom: take another judge")
    P = np.ones((k + 1, k + 1))
    P[:k, :k], P[k, :k], P[k, k] = 0.5 + margins, 0.0, 0.5
    return P


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
    texts = [text for group in samples for text in group.responses]
    flat = [ending for of_prompt in endings or () for ending in of_prompt]
    return Texts(
        length=mean_over_prompts([text_lengths(group) for group in samples]),
        distinct_1=float(np.mean([_distinct(group.responses, 1) for group in samples])),
        distinct_2=float(np.mean([_distinct(group.responses, 2) for group in samples])),
        repeated=float(np.mean([1 - len(set(group.responses)) / len(group) for group in samples])),
        ended=flat.count("end") / len(flat) if flat else None,
        empty=texts.count(NO_ANSWER) / len(texts),
    )


def text_lengths(samples: Group) -> list[int]:
    """Characters of each sample; 0 of one without text."""
    return [0 if text == NO_ANSWER else len(text) for text in samples.responses]


def _distinct(texts: Sequence[str], n: int) -> float:
    """Distinct n-grams of words of all n-grams, 1 where there are none."""
    said = [text.split() for text in texts if text != NO_ANSWER]
    grams = [tuple(words[at : at + n]) for words in said for at in range(len(words) - n + 1)]
    return len(set(grams)) / len(grams) if grams else 1.0
