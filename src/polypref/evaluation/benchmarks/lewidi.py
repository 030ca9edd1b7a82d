"""LeWiDi 2025 (third edition of Learning with Disagreements): soft and perspectivist scores; lower is better.

Soft: how far the predicted distribution of labels p is from that of an item's annotators t, mean over items. CSC (1…6)
and Par (−5…5): Wasserstein distance with cost |h − k| between the h-th and the k-th label. MP (0, 1): Manhattan
distance Σ|p − t|. VariErrNLI: the mean Manhattan distance of its three binary questions.

Perspectivist: how far the label predicted for each annotator is from theirs, mean over an item's annotators, then over
items. CSC and Par: |label − predicted|/s with s the number of labels, 6 and 11. MP: share of wrong labels; VariErrNLI:
mean of that share over its questions. polypref's heads predict one opinion of the whole crowd, so every annotator is
predicted the label that is best for all: the median of p, for MP the more likely label.

The organisers round each item to five digits, which is not done here. VariErrNLI has three questions per item, which no
head predicts; `multilabel` scores predictions made elsewhere.

Source: Le-Wi-Di/le-wi-di.github.io, LeWiDi_3-2025/Evaluation_LeWiDi_2025_Metrics.ipynb.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from polypref.errors import DataError
from polypref.evaluation.benchmarks.base import Benchmark, Floats, Scorer, Scores, codes, means
from polypref.evaluation.crowd_metrics import total_variation, wasserstein_1
from polypref.groups.formats import lewidi
from polypref.groups.formats.base import Format, Options
from polypref.groups.model import Group
from polypref.models.answer import Answer

SCALES: Mapping[str, tuple[int, ...]] = {"CSC": tuple(range(1, 7)), "Par": tuple(range(-5, 6)), "MP": (0, 1)}
_PARTS = {frozenset({"context", "response"}): "CSC", frozenset({"Question1", "Question2"}): "Par"} | {
    frozenset({"post", "reply"}): "MP"
}


def average_manhattan(targets: npt.ArrayLike, predictions: npt.ArrayLike) -> float:
    """Mean of Σ|p − t| over distributions [N, d]."""
    return float(2 * total_variation(np.asarray(targets, np.float64), np.asarray(predictions, np.float64)).mean())


def average_wasserstein(targets: npt.ArrayLike, predictions: npt.ArrayLike) -> float:
    """Mean Wasserstein distance of distributions [N, d] over labels one step apart."""
    t, p = np.asarray(targets, np.float64), np.asarray(predictions, np.float64)
    steps = range(t.shape[1])
    return float(wasserstein_1(p, steps, t, steps).mean())


def error_rate(targets: Sequence[Sequence[float]], predictions: Sequence[Sequence[float]]) -> float:
    """Mean over items of the share of binary labels, one per annotator, that are wrong."""
    return absolute_distance(targets, predictions, 1)


def absolute_distance(targets: Sequence[Sequence[float]], predictions: Sequence[Sequence[float]], s: float) -> float:
    """Mean over items of the mean |t − p|/s over annotators."""
    return float(np.mean([np.abs(np.subtract(t, p)).mean() / s for t, p in zip(targets, predictions)]))


def multilabel(soft: Sequence[npt.ArrayLike], predicted: Sequence[npt.ArrayLike]) -> float:
    """VariErrNLI's soft score: mean over items of the mean Manhattan distance over their questions [L, d]."""
    return float(np.mean([average_manhattan(t, p) for t, p in zip(soft, predicted)]))


def _to_group(row: lewidi.LewidiRow, options: Options) -> Group:
    parts = set(row.text) if isinstance(row.text, dict) else set()
    name = next((name for keys, name in _PARTS.items() if keys <= parts), None)
    if name is None:
        raise DataError(
            f"expected an item of {', '.join(SCALES)} (2025), got text with {', '.join(sorted(parts)) or 'no parts'}",
            field="text",
        )
    group = lewidi.FORMAT.parse(row.model_dump(by_alias=True), options)[0]
    wrong = next((rating.label for rating in group.ratings if rating.label not in SCALES[name]), None)
    if wrong is not None:
        raise DataError(f"expected a label of {name}, {SCALES[name][0]} to {SCALES[name][-1]}, got {wrong!r}")
    return replace(group, domain=name, scale=SCALES[name])


def _results(group: Group, prediction: Answer) -> Sequence[float]:
    """The soft and the perspectivist score of one item."""
    predicted = prediction.checked_distributions(len(group), group.scale)
    if predicted is None:
        raise DataError("the model predicts no distributions of labels, which this benchmark asks for")
    p, values = predicted
    if sorted(values) != sorted(map(float, group.scale)):
        raise DataError(
            f"the model predicts the labels {_listed(values)}, where {group.domain} has {_listed(group.scale)}: train "
            "its head on these labels"
        )
    labels = np.array(values)
    said = np.array([float(rating.label) for rating in group.ratings])
    target = (said[:, None] == labels).mean(axis=0)
    if group.domain == "MP":
        best = labels[int(p[0].argmax())]
        return [average_manhattan(target[None], p), error_rate([said.tolist()], [[best] * len(said)])]
    order = np.argsort(labels)
    soft = average_wasserstein(target[order][None], p[0, order][None])
    median = labels[order][int(np.searchsorted(np.cumsum(p[0, order]), 0.5 - 1e-9))]
    return [soft, absolute_distance([said.tolist()], [[median] * len(said)], len(labels))]


def _scorer(groups: Sequence[Group]) -> Scorer:
    names, code = codes(group.domain for group in groups)

    def scores(results: Floats, weight: Floats) -> Scores:
        soft, perspectivist = (means(code, len(names), column, weight).tolist() for column in results.T)
        return {"soft": dict(zip(names, soft)), "perspectivist": dict(zip(names, perspectivist))}

    return scores


def _listed(labels: Sequence[float | str]) -> str:
    return ", ".join(f"{label:g}" if isinstance(label, (int, float)) else label for label in labels)


BENCHMARK = Benchmark(
    name="lewidi",
    title="LeWiDi 2025",
    hub=(),
    format=Format("lewidi", "LeWiDi 2025", frozenset(), lewidi.LewidiRow, _to_group),
    results=_results,
    scorer=_scorer,
    lower_is_better=True,
    shares=False,
)
