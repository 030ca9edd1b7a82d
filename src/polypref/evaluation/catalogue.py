"""The metrics of an assessment: what each is called, which way is better, one sentence on it, and where it is found.

Tables, the report's explanations, comparisons of models and the watch over training all read this list. A new metric is
one entry, besides the number itself in the assessment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Optional, Union

from polypref.evaluation import metrics
from polypref.statistics.resampling import Estimate

if TYPE_CHECKING:
    from polypref.evaluation.assessment import Assessment
    from polypref.evaluation.metrics import JudgedPairs
    from polypref.statistics.resampling import Terms

Table = Literal["preferences", "crowds", "labels", "truth", "orders"]
Found = Union[Estimate, float, None]


@dataclass(frozen=True)
class Metric:
    """One number that an assessment holds."""

    name: str  # in settings, JSON and comparisons
    table: Table  # where it is shown
    heading: str  # of its column
    sentence: str  # what it means, to somebody who meets it for the first time
    read: Callable[[Assessment], Found]  # None where it is not defined
    better: Literal["more", "less"] | None = None  # None for what depends on the data alone, or has no good end
    with_interval: bool = False  # whether its interval is shown
    watched: bool = False  # whether training reports it on the held-out groups
    terms: Optional[Callable[[JudgedPairs], Terms]] = None  # Σ top / Σ bottom over judged pairs, if it is that

    def value(self, found: Assessment) -> float | None:
        """The number alone."""
        read = self.read(found)
        return read.value if isinstance(read, Estimate) else read


METRICS = (
    Metric(
        "accuracy",
        "preferences",
        "accuracy [95 %]",
        "share of the pairs with a majority on which the model sides with it, and its 95 % interval; a coin gets 0.5",
        lambda a: a.pairwise.accuracy if a.pairwise else None,
        better="more",
        with_interval=True,
        watched=True,
        terms=metrics.accuracy,
    ),
    Metric(
        "vote_accuracy",
        "preferences",
        "votes",
        "share of single votes on the model's side",
        lambda a: a.pairwise.vote_accuracy if a.pairwise else None,
        better="more",
        terms=metrics.vote_accuracy,
    ),
    Metric(
        "ceiling",
        "preferences",
        "ceiling",
        "the largest share of votes that any model could get, since people disagree",
        lambda a: a.pairwise.ceiling if a.pairwise else None,
    ),
    Metric(
        "log_loss",
        "preferences",
        "log loss",
        "how surprised the model is by the votes; 0.693 is a coin, lower is better",
        lambda a: a.pairwise.log_loss if a.pairwise else None,
        better="less",
        watched=True,
        terms=metrics.log_loss,
    ),
    Metric(
        "brier",
        "preferences",
        "Brier",
        "mean squared error of the probabilities; 0.25 is a coin, lower is better",
        lambda a: a.pairwise.brier if a.pairwise else None,
        better="less",
        watched=True,
        terms=metrics.brier,
    ),
    Metric(
        "ece",
        "preferences",
        "ECE",
        "how far probabilities are from frequencies on average; 0 is best",
        lambda a: a.pairwise.ece if a.pairwise else None,
        better="less",
        watched=True,
    ),
    Metric(
        "auc",
        "preferences",
        "AUC",
        "accuracy that gives more weight to the pairs the model is sure about; a coin gets 0.5",
        lambda a: a.pairwise.auc if a.pairwise else None,
        better="more",
    ),
    Metric(
        "wasserstein",
        "crowds",
        "W1 [95 %]",
        "how many labels the predicted opinion must be moved by, on average, to become the crowd's; 0 is best",
        lambda a: a.crowd.wasserstein if a.crowd else None,
        better="less",
        with_interval=True,
        watched=True,
    ),
    Metric(
        "constant",
        "crowds",
        "W1 of the constant",
        "the same distance for somebody who always predicts the average opinion of the data that the model was trained "
        "on",
        lambda a: a.crowd.constant if a.crowd else None,
    ),
    Metric(
        "uniform",
        "crowds",
        "W1 of uniform",
        "the same distance for somebody who finds every label equally likely",
        lambda a: a.crowd.uniform if a.crowd else None,
    ),
    Metric(
        "mean_error",
        "crowds",
        "error of the mean",
        "how far the mean label is off",
        lambda a: a.crowd.mean_error if a.crowd else None,
        better="less",
        with_interval=True,
    ),
    Metric(
        "total_variation",
        "labels",
        "total variation [95 %]",
        "share of the crowd that the predicted opinion puts on a wrong label; 0 is best",
        lambda a: a.crowd.total_variation if a.crowd else None,
        better="less",
        with_interval=True,
    ),
    Metric(
        "jensen_shannon",
        "labels",
        "Jensen–Shannon",
        "Jensen–Shannon divergence from the ratings, in bits; 0 is best",
        lambda a: a.crowd.jensen_shannon if a.crowd else None,
        better="less",
    ),
    Metric(
        "entropy_correlation",
        "labels",
        "entropy r",
        "whether the model knows where people disagree: correlation of predicted and observed disagreement",
        lambda a: a.crowd.entropy_correlation if a.crowd else None,
        better="more",
    ),
    Metric(
        "preference_error",
        "truth",
        "error of P",
        "how far the predicted share is, on average, from the share in the whole population",
        lambda a: a.truth.preference_error if a.truth else None,
        better="less",
        with_interval=True,
    ),
    Metric(
        "true_accuracy",
        "truth",
        "accuracy [95 %]",
        "share of the pairs with a majority in the whole population on which the model sides with it",
        lambda a: a.truth.accuracy if a.truth else None,
        better="more",
        with_interval=True,
    ),
    Metric(
        "true_wasserstein",
        "truth",
        "W1 [95 %]",
        "how many labels the predicted opinion must be moved by to become that of the whole population; 0 is best",
        lambda a: a.truth.wasserstein if a.truth else None,
        better="less",
        with_interval=True,
    ),
    Metric(
        "kendall",
        "orders",
        "τ [95 %]",
        "how far the order of the responses is the observed one: 1 the same, 0 unrelated, −1 reversed",
        lambda a: a.ranking.kendall if a.ranking else None,
        better="more",
        with_interval=True,
    ),
    Metric(
        "accuracy_alike",
        "orders",
        "accuracy at like length",
        "accuracy on pairs of about the same length",
        lambda a: a.lengths.alike if a.lengths else None,
        better="more",
        with_interval=True,
    ),
    Metric(
        "balanced",
        "orders",
        "balanced",
        "mean of the accuracies where the shorter and where the longer response is preferred",
        lambda a: a.lengths.balanced if a.lengths else None,
        better="more",
    ),
    Metric(
        "longer_wins",
        "orders",
        "longer wins",
        "accuracy of always preferring the longer response",
        lambda a: a.lengths.longer_wins if a.lengths else None,
    ),
    Metric(
        "cyclic_pairs",
        "orders",
        "cyclic pairs",
        "accuracy on pairs that are part of a cycle of three; no score per response gets more than 2/3",
        lambda a: a.cyclic.pairs if a.cyclic else None,
        better="more",
        with_interval=True,
    ),
    Metric(
        "cycles",
        "orders",
        "cycles",
        "share of the cycles of three that the model gets right as a whole; no score per response gets any",
        lambda a: a.cyclic.whole if a.cyclic else None,
        better="more",
        with_interval=True,
    ),
)
BY_NAME = {metric.name: metric for metric in METRICS}
WATCHED = tuple(metric for metric in METRICS if metric.watched)


def sentence_of(column: str, table: Table) -> str | None:
    """What a column of a table of scores means, if it is a metric's."""
    return next((metric.sentence for metric in METRICS if (metric.heading, metric.table) == (column, table)), None)
