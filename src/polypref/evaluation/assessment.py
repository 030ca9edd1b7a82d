"""How good a preference model is on given judgments: fed group by group, scored once."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from polypref.errors import DataError, Undefined
from polypref.evaluation.crowd_metrics import mean_label_error, wasserstein_1
from polypref.evaluation.pairwise import (
    AnnotatorScores,
    Judgments,
    PairwiseScores,
    score_annotators,
    score_pairs,
    score_parts,
)
from polypref.evaluation.prediction import Prediction
from polypref.evaluation.resampling import Bootstrap, Estimate, Terms
from polypref.evaluation.truth import TruthErrors, truth_errors
from polypref.groups.model import Group
from polypref.groups.splitting import prompt_key
from polypref.groups.table import Table, Tabulator

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

    def to_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return asdict(self)


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
        self._crowd = array("d")  # rows of (group, responses, Σ wasserstein, Σ uniform, Σ constant, Σ mean error)
        self._truth = array("d")  # rows of (group, *TruthErrors)

    def add(self, group: Group, prediction: Prediction) -> None:
        """Compare one group's judgments with what a model says about it."""
        number = len(self._prompt)
        try:
            margins = prediction.margins(len(group))
            predicted = prediction.checked_distributions(len(group), group.scale)
            crowd = None if predicted is None else self._crowd_errors(group, *predicted)
        except DataError as error:
            name = f"group {group.id}" if group.id is not None else f"group number {number + 1}"
            raise DataError(f"the model gave {name} {error.reason}") from None
        truth = truth_errors(group, margins, predicted)
        if crowd is not None:
            self._crowd.extend((number, *crowd))
        if truth is not None:
            self._truth.extend((number, *truth))
        if margins is None:
            self._margin.extend([float("nan")] * len(group.comparisons))
        else:
            rows = margins.tolist()
            self._margin.extend(rows[c.i][c.j] for c in group.comparisons)
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
        rated = observed.sum(axis=1) > 0
        observed = observed[rated] / observed[rated].sum(axis=1, keepdims=True)
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
        )

    def assessment(self) -> Assessment:
        """The scores of everything added so far."""
        if not self._prompt:
            raise Undefined("there is nothing to assess: the data have no groups")
        table = self._tabulator.table()
        prompt = np.array(self._prompt, dtype=np.int64)
        margin = np.array(self._margin, dtype=np.float64)
        known = np.flatnonzero(np.isfinite(margin)).astype(np.int64)
        judgments = _judgments(table, margin, prompt).part(known)
        parts = {
            "domains": (table.domain[table.group[table.first]], table.domains),
            "criteria": (table.comparison_criterion, table.criteria),
        }
        scores = {
            kind: score_parts(judgments, code[known], names, resamples=self._resamples, seed=self._seed)
            for kind, (code, names) in parts.items()
        }
        return Assessment(
            groups=len(prompt),
            prompts=len(self._numbers),
            responses=self._responses,
            comparisons=len(margin),
            unpredicted=len(margin) - len(known),
            ratings=len(table.label),
            pairwise=score_pairs(judgments.pooled(), resamples=self._resamples, seed=self._seed),
            domains=scores["domains"],
            criteria=scores["criteria"],
            annotators=score_annotators(
                judgments,
                table.comparison_annotator[known],
                table.annotators,
                minimum_votes=self._minimum_votes,
            ),
            minimum_votes=self._minimum_votes,
            crowd=self._crowd_scores(prompt),
            truth=self._truth_scores(prompt),
        )

    def _crowd_scores(self, prompt: Ints) -> CrowdScores | None:
        rows = np.array(self._crowd, dtype=np.float64).reshape(-1, 6)
        if not len(rows):
            return None
        group, responses, wasserstein, uniform, constant, mean_error = rows.T
        found = self._bootstrap(prompt, group).estimates(
            {
                "wasserstein": Terms(wasserstein, responses),
                "uniform": Terms(uniform, responses),
                "constant": Terms(constant, responses),
                "mean_error": Terms(mean_error, responses),
            }
        )
        distance, flat, error = found["wasserstein"], found["uniform"], found["mean_error"]
        assert distance is not None  # every row has rated responses
        assert flat is not None
        assert error is not None
        return CrowdScores(
            responses=int(responses.sum()),
            wasserstein=distance,
            uniform=flat,
            constant=None if self._constant is None else found["constant"],
            mean_error=error,
        )

    def _truth_scores(self, prompt: Ints) -> TruthScores | None:
        rows = np.array(self._truth, dtype=np.float64).reshape(-1, 1 + len(TruthErrors._fields))
        if not len(rows):
            return None
        errors = TruthErrors(*rows[:, 1:].T)
        right = Terms(errors.right, errors.decided)
        bootstrap = self._bootstrap(prompt, rows[:, 0])
        found = bootstrap.estimates(
            {
                "preference_error": Terms(errors.preference_error, errors.pairs),
                "accuracy": right,
                "wasserstein": Terms(errors.wasserstein, errors.responses),
            }
        )
        found["accuracy"] = bootstrap.widened(found["accuracy"], right)
        return TruthScores(pairs=int(np.sum(errors.pairs)), responses=int(np.sum(errors.responses)), **found)

    def _bootstrap(self, prompt: Ints, group: Floats) -> Bootstrap:
        return Bootstrap(prompt[group.astype(np.int64)], resamples=self._resamples, seed=self._seed)


def assess(
    predicted: Iterable[tuple[Group, Prediction]],
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


def _judgments(table: Table, margin: Floats, prompt: Ints) -> Judgments:
    """The comparisons of a table, each turned so that the lower-numbered response comes first."""
    turned = table.first > table.second
    low, high = np.minimum(table.first, table.second), np.maximum(table.first, table.second)
    return Judgments(
        pair=low * len(table.group) + high,
        margin=np.where(turned, -margin, margin),
        share=np.where(turned, 1 - table.share, table.share),
        votes=table.votes,
        prompt=prompt[table.group[table.first]],
    )


def _distribution(values: npt.ArrayLike) -> Floats:
    p = np.asarray(values, dtype=np.float64)
    if p.ndim != 1 or not np.isfinite(p).all() or (p < 0).any() or abs(p.sum() - 1) > 1e-4:
        raise DataError(f"expected one distribution, probabilities that add up to 1, got {p}", field="constant")
    return p / p.sum()
