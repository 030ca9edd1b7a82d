"""How good a preference model is on given judgments: fed group by group, scored once."""

from __future__ import annotations

import copy
from array import array
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from polypref.errors import DataError, Undefined
from polypref.evaluation import metrics
from polypref.evaluation.catalogue import METRICS
from polypref.evaluation.crowd_metrics import (
    correlation,
    entropy,
    jensen_shannon,
    mean_label_error,
    on_labels,
    total_variation,
    wasserstein_1,
)
from polypref.evaluation.metrics import JudgedPairs
from polypref.evaluation.pairwise import (
    AnnotatorScores,
    Judgments,
    PairwiseScores,
    WorstPart,
    score_annotators,
    score_pairs,
    score_parts,
    worst_part,
)
from polypref.evaluation.responses import (
    BestOf,
    CyclicScores,
    LengthScores,
    RankingScores,
    alike_in_length,
    best_of_curve,
    cyclic_scores,
    kendall,
    length_scores,
    observed_quality,
    observed_ranking,
)
from polypref.evaluation.truth import TruthErrors, true_utilities, truth_errors
from polypref.groups.model import Group
from polypref.groups.pairs import turned
from polypref.groups.splitting import prompt_key
from polypref.groups.table import Table, Tabulator
from polypref.models.answer import Answer
from polypref.statistics.comparing import Evidence
from polypref.statistics.resampling import Bootstrap, Estimate, Terms

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CrowdScores:
    """Distances of predicted label distributions from the ratings, mean over rated responses, in units of the labels.

    Few ratings per response keep even the true distribution away from the observed one: compare with the constants.
    """

    responses: int  # with ratings that are numbers
    wasserstein: Estimate
    uniform: Estimate  # the distance of the uniform distribution over the same labels
    constant: Estimate | None  # of the distribution given to the assessor, such as the mean of the training data
    mean_error: Estimate  # |expected label − mean rating|
    total_variation: Estimate | None  # None where a rating is a label that is not predicted, for this and the others
    jensen_shannon: Estimate | None  # in bits
    entropy_correlation: Estimate | None  # Pearson's, of predicted and observed entropy over responses with 2 ratings


class CrowdErrors(NamedTuple):
    """Errors added up over the rated responses of each group, one entry per group [T]."""

    responses: Floats
    wasserstein: Floats
    uniform: Floats
    constant: Floats
    mean_error: Floats
    on_labels: Floats  # responses all of whose ratings are labels that are predicted
    total_variation: Floats  # over these
    jensen_shannon: Floats
    several: Floats  # of these, with two ratings or more
    predicted: Floats  # entropy of the prediction, over these
    observed: Floats  # of the ratings
    predicted_square: Floats
    observed_square: Floats
    product: Floats


@dataclass(frozen=True, slots=True)
class TruthScores:
    """Distances from the truth about a simulated population."""

    pairs: int
    preference_error: Estimate | None  # mean |P − P*| over pairs
    accuracy: Estimate | None  # on pairs where the population has a majority; a predicted tie is ½
    responses: int
    wasserstein: Estimate | None  # mean over responses


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything that was measured; `to_dict` is its JSON. Intervals are 95 %, by resampling prompts."""

    groups: int
    prompts: int
    responses: int
    comparisons: int
    unpredicted: int  # comparisons without a prediction, which enter no score
    ratings: int
    pairwise: PairwiseScores | None  # None without comparisons
    domains: dict[str, PairwiseScores]
    criteria: dict[str, PairwiseScores]  # each on the votes under that criterion
    annotators: tuple[AnnotatorScores, ...]  # with enough votes, the best first
    minimum_votes: float  # what is enough
    crowd: CrowdScores | None
    truth: TruthScores | None
    worst: dict[str, WorstPart]  # "domain", "criterion", "annotator": where there are two parts to compare
    ranking: RankingScores | None  # None without a response that is observed to be better than another
    best_of: tuple[BestOf, ...]  # each group by the truth where that is known, else by mean rating
    cyclic: CyclicScores | None  # None if no majorities cycle
    lengths: LengthScores | None  # None without a majority

    def to_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return asdict(self)


class _Seen(NamedTuple):
    """Everything that was added, as columns."""

    table: Table
    prompt: Ints  # [G]
    known: Ints  # comparisons with a prediction
    judgments: Judgments  # these
    pairs: JudgedPairs  # these, added up by pair
    first: Ints  # [P] the response that a pair calls the first
    second: Ints  # [P]
    score: Floats  # [N]
    quality: Floats  # [N] true utility, or mean rating where that is not known; NaN without either
    ranking: Floats  # [N] observed order of the responses of a group


class Assessor:
    """Measures predictions against judgments, one group at a time; memory grows with the judgments, not the texts.

    Votes on a pair of responses, and ratings of a response, are added up over annotators and criteria before they are
    compared with the model, which knows neither. `constant` [d] is a distribution over the predicted labels to compare
    with, such as the mean of the training data; annotators with fewer than `minimum_votes` are not scored one by one.
    """

    def __init__(
        self,
        *,
        constant: npt.ArrayLike | None = None,
        minimum_votes: float = 20.0,
        resamples: int = 1000,
        seed: int = 0,
    ) -> None:
        if resamples < 1:
            raise DataError(f"expected at least one resample, got {resamples}", field="resamples")
        self._constant = None if constant is None else _distribution(constant)
        self._minimum_votes = minimum_votes
        self._resamples = resamples
        self._seed = seed
        self._tabulator = Tabulator()
        self._numbers: dict[int, int] = {}  # prompts in the order in which they came, by hash
        self._prompt = array("q")  # [G]
        self._responses = 0
        self._margin = array("d")  # [C] predicted for response i, NaN where nothing was
        self._log_odds = array("d")  # the same, NaN where only a probability was
        self._score = array("d")  # [N] predicted for each response, NaN where nothing was
        self._quality = array("d")  # [N] true utility of each response, NaN where it is not known
        self._crowd = array("d")  # rows of (group, *CrowdErrors)
        self._truth = array("d")  # rows of (group, *TruthErrors)

    def resampled(self, resamples: int) -> Assessor:
        """The same measurements, with intervals from so many resamples."""
        other = copy.copy(self)
        other._resamples = resamples
        return other

    def add(self, group: Group, prediction: Answer) -> None:
        """Compare one group's judgments with what a model says about it."""
        number = len(self._prompt)
        try:
            margins, scores = prediction.margins(len(group)), prediction.scores(len(group))
            log_odds = prediction.sureness(len(group))
            predicted = prediction.checked_distributions(len(group), group.scale)
            crowd = None if predicted is None else self._crowd_errors(group, *predicted)
        except DataError as error:
            name = f"group {group.id}" if group.id is not None else f"group number {number + 1}"
            raise DataError(f"the model gave {name} {error.reason}") from None
        truth, quality = truth_errors(group, margins, predicted), true_utilities(group)
        unknown = [float("nan")] * len(group)
        self._score.extend(unknown if scores is None else scores.tolist())
        self._quality.extend(unknown if quality is None else quality.tolist())
        if crowd is not None:
            self._crowd.extend((number, *crowd))
        if truth is not None:
            self._truth.extend((number, *truth))
        for column, matrix in ((self._margin, margins), (self._log_odds, log_odds)):
            rows = None if matrix is None else matrix.tolist()
            column.extend(float("nan") if rows is None else rows[c.i][c.j] for c in group.comparisons)
        self._prompt.append(self._numbers.setdefault(hash(prompt_key(group)), len(self._numbers)))
        self._responses += len(group)
        self._tabulator.add(group)

    def _crowd_errors(self, group: Group, p: Floats, values: tuple[float, ...]) -> tuple[float, ...] | None:
        """Errors of one group, added up over its rated responses; None if there are none, or labels without order."""
        if self._constant is not None and len(self._constant) != len(values):
            raise DataError(
                f"distributions over {len(values)} labels, expected {len(self._constant)}, as the constant has"
            )
        if not group.ratings or any(isinstance(rating.label, str) for rating in group.ratings):
            return None
        said = sorted({float(rating.label) for rating in group.ratings})
        column = {label: k for k, label in enumerate(said)}
        observed = np.zeros((len(group), len(said)))
        for rating in group.ratings:
            observed[rating.i, column[float(rating.label)]] += rating.weight
        ratings = observed.sum(axis=1)
        rated = ratings > 0
        observed = observed[rated] / ratings[rated, None]
        p = p[rated]
        constants = [np.full(len(values), 1 / len(values)), self._constant]
        return (
            float(rated.sum()),
            float(wasserstein_1(p, values, observed, said).sum()),
            *(
                0.0 if c is None else float(wasserstein_1(np.tile(c, (len(p), 1)), values, observed, said).sum())
                for c in constants
            ),
            float(mean_label_error(p, values, observed, said).sum()),
            *_distances_on_labels(p, values, observed, said, ratings[rated]),
        )

    def assessment(self) -> Assessment:
        """The scores of everything added so far."""
        seen = self._seen()
        table, known, settings = seen.table, seen.known, self._settings
        parts = {
            "domains": (table.domain[table.group[table.first]], table.domains),
            "criteria": (table.comparison_criterion, table.criteria),
        }
        scores = {
            kind: score_parts(seen.judgments, code[known], names, **settings) for kind, (code, names) in parts.items()
        }
        annotators = score_annotators(
            seen.judgments, table.comparison_annotator[known], table.annotators, minimum_votes=self._minimum_votes
        )
        worst = {
            "domain": worst_part((name, one.pairs - one.ties, one.accuracy) for name, one in scores["domains"].items()),
            "criterion": worst_part(
                (name, one.pairs - one.ties, one.accuracy) for name, one in scores["criteria"].items()
            ),
            "annotator": worst_part((one.annotator, one.pairs, one.accuracy) for one in annotators),
        }
        return Assessment(
            groups=len(seen.prompt),
            prompts=len(self._numbers),
            responses=self._responses,
            comparisons=len(self._margin),
            unpredicted=len(self._margin) - len(known),
            ratings=len(table.label),
            pairwise=score_pairs(seen.pairs, **settings),
            domains=scores["domains"],
            criteria=scores["criteria"],
            annotators=annotators,
            minimum_votes=self._minimum_votes,
            crowd=self._crowd_scores(seen.prompt),
            truth=self._truth_scores(seen.prompt),
            worst={kind: part for kind, part in worst.items() if part is not None},
            ranking=self._ranking(seen),
            best_of=best_of_curve(seen.score, seen.quality, table.group, seen.prompt, **settings),
            cyclic=cyclic_scores(seen.pairs, seen.first, seen.second, **settings),
            lengths=length_scores(seen.pairs, table.length[seen.first], table.length[seen.second], **settings),
        )

    def evidence(self) -> Evidence:
        """What everything added so far says of the metrics that can be compared with another model's."""
        seen = self._seen()
        pairs, length = seen.pairs, seen.table.length
        alike = alike_in_length(length[seen.first], length[seen.second])
        found: dict[str, tuple[Terms, Ints]] = {
            metric.name: (metric.terms(pairs), pairs.prompt) for metric in METRICS if metric.terms is not None
        }
        right = metrics.accuracy(pairs)
        found["accuracy_alike"] = Terms(right.top * alike, right.bottom * alike), pairs.prompt
        tau, of = kendall(seen.score, seen.ranking, seen.table.group)
        found["kendall"] = Terms(tau, np.ones(len(tau))), seen.prompt[of]
        rows = np.array(self._crowd, dtype=np.float64).reshape(-1, 1 + len(CrowdErrors._fields))
        crowd, of = CrowdErrors(*rows[:, 1:].T), rows[:, 0].astype(np.int64)
        found["wasserstein"] = Terms(crowd.wasserstein, crowd.responses), seen.prompt[of]
        rows = np.array(self._truth, dtype=np.float64).reshape(-1, 1 + len(TruthErrors._fields))
        truth, of = TruthErrors(*rows[:, 1:].T), rows[:, 0].astype(np.int64)
        found["true_accuracy"] = Terms(truth.right, truth.decided), seen.prompt[of]
        found["preference_error"] = Terms(truth.preference_error, truth.pairs), seen.prompt[of]
        return Evidence(
            tuple(self._numbers),
            {
                name: Terms(*(np.bincount(prompt, part, len(self._numbers)).astype(np.float64) for part in terms))
                for name, (terms, prompt) in found.items()
                if terms.bottom.sum() > 0
            },
        )

    @property
    def _settings(self) -> dict[str, int]:
        return {"resamples": self._resamples, "seed": self._seed}

    def _seen(self) -> _Seen:
        if not self._prompt:
            raise Undefined("there is nothing to assess: the data have no groups")
        table = self._tabulator.table()
        prompt, margin = np.array(self._prompt, dtype=np.int64), np.array(self._margin, dtype=np.float64)
        log_odds = np.array(self._log_odds, dtype=np.float64)
        known = np.flatnonzero(np.isfinite(margin)).astype(np.int64)
        judgments = _judgments(table, margin, log_odds, prompt).part(known)
        first, second = np.divmod(np.unique(judgments.pair), max(len(table.group), 1))
        true, rated = np.array(self._quality, dtype=np.float64), observed_quality(table)
        return _Seen(
            table=table,
            prompt=prompt,
            known=known,
            judgments=judgments,
            pairs=judgments.pooled(),
            first=first,
            second=second,
            score=np.array(self._score, dtype=np.float64),
            quality=np.where(np.isfinite(true), true, rated),
            ranking=observed_ranking(table, rated),
        )

    def _ranking(self, seen: _Seen) -> RankingScores | None:
        tau, of = kendall(seen.score, seen.ranking, seen.table.group)
        found = self._bootstrap(seen.prompt, of).estimates({"kendall": Terms(tau, np.ones(len(tau)))})["kendall"]
        return None if found is None else RankingScores(len(of), found)

    def _crowd_scores(self, prompt: Ints) -> CrowdScores | None:
        rows = np.array(self._crowd, dtype=np.float64).reshape(-1, 1 + len(CrowdErrors._fields))
        if not len(rows):
            return None
        errors = CrowdErrors(*rows[:, 1:].T)
        bootstrap = self._bootstrap(prompt, rows[:, 0].astype(np.int64))
        found = bootstrap.estimates(
            {
                "wasserstein": Terms(errors.wasserstein, errors.responses),
                "uniform": Terms(errors.uniform, errors.responses),
                "constant": Terms(errors.constant, errors.responses),
                "mean_error": Terms(errors.mean_error, errors.responses),
                "total_variation": Terms(errors.total_variation, errors.on_labels),
                "jensen_shannon": Terms(errors.jensen_shannon, errors.on_labels),
            }
        )
        distance, flat, error = found["wasserstein"], found["uniform"], found["mean_error"]
        assert distance is not None  # every row has rated responses
        assert flat is not None
        assert error is not None
        return CrowdScores(
            responses=int(errors.responses.sum()),
            wasserstein=distance,
            uniform=flat,
            constant=None if self._constant is None else found["constant"],
            mean_error=error,
            total_variation=found["total_variation"],
            jensen_shannon=found["jensen_shannon"],
            entropy_correlation=_entropy_correlation(errors, bootstrap),
        )

    def _truth_scores(self, prompt: Ints) -> TruthScores | None:
        rows = np.array(self._truth, dtype=np.float64).reshape(-1, 1 + len(TruthErrors._fields))
        if not len(rows):
            return None
        errors = TruthErrors(*rows[:, 1:].T)
        right = Terms(errors.right, errors.decided)
        bootstrap = self._bootstrap(prompt, rows[:, 0].astype(np.int64))
        found = bootstrap.estimates(
            {
                "preference_error": Terms(errors.preference_error, errors.pairs),
                "accuracy": right,
                "wasserstein": Terms(errors.wasserstein, errors.responses),
            }
        )
        found["accuracy"] = bootstrap.widened(found["accuracy"], right)
        return TruthScores(pairs=int(np.sum(errors.pairs)), responses=int(np.sum(errors.responses)), **found)

    def _bootstrap(self, prompt: Ints, group: Ints) -> Bootstrap:
        return Bootstrap(prompt[group], **self._settings)


def assess(
    predicted: Iterable[tuple[Group, Answer]],
    *,
    constant: npt.ArrayLike | None = None,
    minimum_votes: float = 20.0,
    resamples: int = 1000,
    seed: int = 0,
) -> Assessment:
    """The assessment of groups with their predictions; see `Assessor` for the arguments."""
    assessor = Assessor(constant=constant, minimum_votes=minimum_votes, resamples=resamples, seed=seed)
    for group, prediction in predicted:
        assessor.add(group, prediction)
    return assessor.assessment()


def _judgments(table: Table, margin: Floats, log_odds: Floats, prompt: Ints) -> Judgments:
    """The comparisons of a table, each turned so that the lower-numbered response comes first."""
    low, high, share = turned(table.first, table.second, table.share)
    reversed_ = table.first > table.second
    return Judgments(
        pair=low * len(table.group) + high,
        margin=np.where(reversed_, -margin, margin),
        share=share,
        votes=table.votes,
        prompt=prompt[table.group[table.first]],
        log_odds=np.where(reversed_, -log_odds, log_odds),
    )


def _distances_on_labels(
    p: Floats, values: tuple[float, ...], observed: Floats, said: list[float], ratings: Floats
) -> tuple[float, ...]:
    """The entries of `CrowdErrors` from `on_labels` on."""
    on = on_labels(values, observed, said)
    if on is None:
        return (0.0,) * (len(CrowdErrors._fields) - CrowdErrors._fields.index("on_labels"))
    several = ratings > 1
    predicted, crowd = entropy(p[several]), entropy(on[several])
    sums = (several, predicted, crowd, predicted**2, crowd**2, predicted * crowd)
    return (
        float(len(p)),
        float(total_variation(p, on).sum()),
        float(jensen_shannon(p, on).sum()),
        *(float(column.sum()) for column in sums),
    )


def _entropy_correlation(errors: CrowdErrors, bootstrap: Bootstrap) -> Estimate | None:
    moments = errors[CrowdErrors._fields.index("several") :]
    columns = np.stack([bootstrap.total(moment) for moment in moments], axis=1)
    (value,) = correlation(columns.sum(axis=0)[None])
    if not np.isfinite(value):
        return None
    if bootstrap.units < 2:
        return Estimate(float(value))
    return bootstrap.estimate(float(value), correlation(bootstrap.sums(columns)))


def _distribution(values: npt.ArrayLike) -> Floats:
    p = np.asarray(values, dtype=np.float64)
    if p.ndim != 1 or not np.isfinite(p).all() or (p < 0).any() or abs(p.sum() - 1) > 1e-4:
        raise DataError(f"expected one distribution, probabilities that add up to 1, got {p}", field="constant")
    return p / p.sum()
