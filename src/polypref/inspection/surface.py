"""What the surface of a response says: a dozen named features, and the taste for them that votes show.

A taste is a linear rule, "prefer the response with more of this". It is learned in milliseconds, reads no meaning, and
serves two ends: it exposes shortcuts (a surface rule that predicts the votes), and it lets judges who never saw the
same pair be compared, by how often the rules learned from their votes would disagree. The word lists are English.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polypref.groups.model import Group
from polypref.statistics.resampling import percentiles

Floats = npt.NDArray[np.float64]

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_LIST_ITEM = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s", re.MULTILINE)
_LEXICON: dict[str, frozenset[str]] = {
    "you": frozenset("you your yours yourself you're you've you'll".split()),
    "I": frozenset("i i'm i'd i'll i've me my mine".split()),
    "negation": frozenset(
        [
            "no",
            "not",
            "never",
            "cannot",
            "can't",
            "don't",
            "won't",
            "isn't",
            "doesn't",
            "shouldn't",
            "wouldn't",
            "couldn't",
        ]
    ),
    "apology": frozenset("sorry apologize apologise apologies unfortunately afraid regret".split()),
    "hedging": frozenset(
        ["maybe", "perhaps", "might", "could", "may", "possibly", "probably", "likely", "seems", "think", "guess"]
    ),
    "caution": frozenset(
        [
            "illegal",
            "wrong",
            "harmful",
            "dangerous",
            "harm",
            "hurt",
            "unsafe",
            "safe",
            "safety",
            "careful",
            "risk",
            "police",
        ]
    ),
    "thanks and praise": frozenset(
        ["thanks", "thank", "great", "good", "glad", "happy", "wonderful", "awesome", "nice", "love", "please"]
    ),
}
FEATURES = (
    "length",
    "words per sentence",
    "letters per word",
    "varied words",
    "words of the prompt",
    "list items",
    "line breaks",
    "digits",
    "questions",
    "exclamations",
    *_LEXICON,
)


def surface_features(group: Group, k: int) -> Floats:
    """The features of a group's k-th response, in the order of FEATURES."""
    text = group.responses[k]
    words = [word.lower() for word in _WORD.findall(text)]
    n = len(words) or 1
    counts = Counter(words)
    question = group.prompt if isinstance(group.prompt, str) else group.prompt[-1].content
    asked = {word.lower() for word in _WORD.findall(question)}
    sentences = max(1, sum(text.count(mark) for mark in ".!?"))
    return np.array(
        [
            np.log1p(len(text)),
            np.log(n / sentences + 1),
            sum(map(len, words)) / n,
            len(counts) / n,
            sum(count for word, count in counts.items() if word in asked) / n,
            np.log1p(len(_LIST_ITEM.findall(text))),
            np.log1p(text.count("\n")),
            np.log1p(sum(map(str.isdigit, text))),
            np.log1p(text.count("?")),
            np.log1p(text.count("!")),
            *(sum(counts[word] for word in lexicon) / np.sqrt(n) for lexicon in _LEXICON.values()),
        ]
    )


@dataclass(frozen=True, slots=True)
class Pairs:
    """Comparisons as differences of features."""

    difference: Floats  # [n, f], first less second
    vote: Floats  # [n], share for the first, as a number from −1 to 1
    group: npt.NDArray[np.int64]  # [n], what belongs together when resampling, as the comparisons of a prompt do

    @property
    def prompts(self) -> int:
        """How many prompts the comparisons come from."""
        return len(np.unique(self.group))

    def __len__(self) -> int:
        return len(self.vote)

    def take(self, rows: npt.NDArray[np.generic]) -> Pairs:
        """Some of the pairs."""
        return Pairs(self.difference[rows], self.vote[rows], self.group[rows])


_RIDGE = 0.02  # of the mean square of a feature, per pair; 17 features need little


def learn_taste(pairs: Pairs, scale: Floats) -> Floats:
    """Ridge regression of votes on scaled differences, without an intercept: swapping a pair changes nothing. [f]"""
    x = pairs.difference / scale
    return np.linalg.solve(x.T @ x + (_RIDGE * len(pairs) + 1.0) * np.eye(x.shape[1]), x.T @ pairs.vote)


def feature_scale(pairs: Pairs) -> Floats:
    """Root mean square of each difference, 1 where it never differs. [f]"""
    scale = np.sqrt((pairs.difference**2).mean(axis=0))
    return np.where(scale > 0, scale, 1.0)


@dataclass(frozen=True, slots=True)
class Shortcut:
    """How well a surface rule predicts votes it has not seen."""

    accuracy: float  # share of held-out decided votes it gets right, ties of the rule counting half
    hits: Floats  # [n], 1, ½ or 0 for each decided pair
    group: npt.NDArray[np.int64]  # [n]
    taste: dict[str, float]  # feature → weight per standard deviation, strongest first


def surface_shortcut(pairs: Pairs, folds: int = 5) -> Shortcut:
    """Cross-validated accuracy of the surface taste; pairs of one group are always on the same side."""
    decided = pairs.take(np.flatnonzero(pairs.vote != 0))
    scale = feature_scale(decided)
    fold = decided.group % folds
    score = np.zeros(len(decided))
    for k in range(folds):
        test = fold == k
        if test.any():
            score[test] = decided.difference[test] / scale @ learn_taste(decided.take(np.flatnonzero(~test)), scale)
    hits = 0.5 + 0.5 * np.sign(score) * np.sign(decided.vote)
    weights = learn_taste(decided, scale)
    order = np.argsort(-np.abs(weights))
    return Shortcut(float(hits.mean()), hits, decided.group, {FEATURES[f]: float(weights[f]) for f in order})


@dataclass(frozen=True, slots=True)
class TasteConflict:
    """How often tastes learned from two sets of votes would disagree on the same pair."""

    across: float  # tastes of the two sets
    within: float  # tastes learned from two halves of one set: what too few votes alone would give
    low: float | None  # 95 % interval of across, over random halves; None of a single prompt
    high: float | None
    excess_low: float | None  # of across − within
    excess_high: float | None


def taste_conflict(a: Pairs, b: Pairs, *, halvings: int = 200, seed: int = 0) -> TasteConflict:
    """Learn each set's taste from random halves of it and let the rules judge the pairs of both sets.

    Halves are of groups. Comparing half with half on both sides puts the same amount of sampling noise into `across`
    and `within`, so that their difference is what the sets do not share. How it varies from halving to halving is how
    it would vary from one set of so many prompts to the next; with few, levels are expanded as `percentiles` says.
    """
    rng = np.random.default_rng(seed)
    judged = np.concatenate([a.difference, b.difference])
    scale = feature_scale(Pairs(judged, np.zeros(len(judged)), np.zeros(len(judged), np.int64)))
    judged = judged / scale
    across, within = np.zeros(halvings), np.zeros(halvings)
    for draw in range(halvings):
        (a1, a2), (b1, b2) = (
            [np.sign(judged @ learn_taste(half, scale)) for half in _halves(pairs, rng)] for pairs in (a, b)
        )
        across[draw] = np.mean([(x != y).mean() for x in (a1, a2) for y in (b1, b2)])
        within[draw] = np.mean([(a1 != a2).mean(), (b1 != b2).mean()])
    prompts = min(a.prompts, b.prompts)
    low, high = percentiles(across, prompts)
    excess_low, excess_high = percentiles(across - within, prompts)
    return TasteConflict(
        across=float(across.mean()),
        within=float(within.mean()),
        low=low,
        high=high,
        excess_low=excess_low,
        excess_high=excess_high,
    )


def _halves(pairs: Pairs, rng: np.random.Generator) -> tuple[Pairs, Pairs]:
    groups, code = np.unique(pairs.group, return_inverse=True)
    first = (rng.permutation(len(groups)) < len(groups) / 2)[code]
    return pairs.take(np.flatnonzero(first)), pairs.take(np.flatnonzero(~first))
