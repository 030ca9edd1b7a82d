"""Comparisons without annotators, from what must hold: an answer beats one to another question, and its own ruin."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from polypref.errors import PolyprefError, unknown
from polypref.groups.deriving import best_response
from polypref.groups.model import Comparison, Group
from polypref.groups.splitting import prompt_key

PREFIX = "axiom:"  # before an axiom's name, where it stands as an annotator and as a source
_SAME = 0.8  # cosine of two prompts above which an answer to one may answer the other
_CHUNK = 256  # prompts compared with all others at a time
_FEWEST = 4  # words of an answer that is worth shuffling


class Worse(NamedTuple):
    """A text that is worse than response `better` of a group."""

    group: int
    better: int
    text: str


def add_axioms(groups: Sequence[Group], names: Sequence[str], *, seed: int = 0) -> list[Group]:
    """The groups with a worse response and a comparison added for each axiom of `AXIOMS` that applies to them.

    The better response is the one that judgments make the best, or else the first. The annotator of each comparison,
    and the source of each response that was added, is `axiom:` and the name: they can be weighted and left out.
    """
    for name in names:
        if name not in AXIOMS:
            raise PolyprefError(unknown("axiom", name, AXIOMS))
    made = list(groups)
    for name in dict.fromkeys(names):
        for worse in AXIOMS[name](groups, seed):
            if worse.text not in made[worse.group].responses:
                made[worse.group] = _with(made[worse.group], worse, PREFIX + name)
    return made


def _with(group: Group, worse: Worse, name: str) -> Group:
    return replace(
        group,
        responses=(*group.responses, worse.text),
        comparisons=(*group.comparisons, Comparison(worse.better, len(group), annotator=name)),
        sources=(*(group.sources or (None,) * len(group)), name),
    )


def _relevance(groups: Sequence[Group], seed: int) -> Iterator[Worse]:
    """The best answer to the nearest other prompt (TF-IDF), of those that are not nearly the same prompt."""
    vectors = _vectorizer().fit_transform([prompt_key(group) for group in groups])
    for start in range(0, len(groups), _CHUNK):
        near = (vectors[start : start + _CHUNK] @ vectors.T).toarray()
        near[near > _SAME] = -1
        for at, row in enumerate(near, start):
            other = int(np.argmax(row))
            if row[other] >= 0:
                yield Worse(at, _best(groups[at]), groups[other].responses[_best(groups[other])])


def _vectorizer() -> Any:
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
    except ImportError:
        raise PolyprefError("the axiom relevance needs scikit-learn: pip install scikit-learn") from None
    return TfidfVectorizer(token_pattern=r"\S+")


def _corruption(groups: Sequence[Group], seed: int) -> Iterator[Worse]:
    """The words of the answer in an order drawn by the seed and the words."""
    for at, group in enumerate(groups):
        better = _best(group)
        words = group.responses[better].split()
        drawn = random.Random(f"{seed}\n{' '.join(words)}").sample(words, len(words))
        if len(words) >= _FEWEST and drawn != words:
            yield Worse(at, better, " ".join(drawn))


def _best(group: Group) -> int:
    return best_response(group) or 0


AXIOMS: dict[str, Callable[[Sequence[Group], int], Iterator[Worse]]] = {
    "relevance": _relevance,
    "corruption": _corruption,
}
