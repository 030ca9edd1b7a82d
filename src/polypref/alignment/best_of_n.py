"""Best of n: a policy without training, which answers with the sample that the guide likes best."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from polypref.alignment.guidance import check_reward, leads
from polypref.choice import maximal_lottery
from polypref.errors import PolyprefError
from polypref.groups.model import Group
from polypref.models.preference_model import PreferenceModel


def best_of_n(
    guide: PreferenceModel, samples: Iterable[Group], by: str = "log-odds", *, share: float = 0.25, seed: int = 0
) -> Iterator[Group]:
    """Each group of samples with the one response that is chosen, ties by chance.

    `by` is a reward of `GroupReward`: the mean lead over the others in `log-odds`, in `win-rate`, in the `expected`
    label and so on. `lottery` draws from the maximal lottery of the samples, which no policy that chooses among them
    beats on average; where it is certain, it is the Condorcet winner.
    """
    check_reward(by, guide.head, share)
    if by == "blocks":
        raise PolyprefError("'blocks' is a reward for training; choose the best by 'log-odds'")
    rng = np.random.default_rng(seed)
    for group, answer in guide.encode(samples):
        if by == "lottery":
            chosen = int(rng.choice(len(group), p=maximal_lottery(answer.preferences)))
        else:
            means = leads(answer, by, share).mean(axis=1)
            chosen = int(rng.choice(np.flatnonzero(means >= means.max() - 1e-12)))
        sources = (group.sources[chosen],) if group.sources else ()
        yield replace(group, responses=(group.responses[chosen],), comparisons=(), ratings=(), sources=sources)


def divergence_bound(n: int) -> float:
    """The most that KL(best of n ‖ policy) can be: log n − (n − 1)/n."""
    return math.log(n) - (n - 1) / n
