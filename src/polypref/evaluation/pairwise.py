"""The scores of predicted preferences on judged pairs, with intervals: overall, by part, and by annotator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from polypref.evaluation import metrics
from polypref.evaluation.calibration import BrierSplit, CalibrationBin, brier_split, calibration_bins, calibration_error
from polypref.evaluation.metrics import JudgedPairs, SymmetricAuc
from polypref.statistics.intervals import clustered_share
from polypref.statistics.resampling import Bootstrap, Estimate

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_AUC_RESAMPLES = 200  # its weights have to be gathered pair by pair


@dataclass(frozen=True, slots=True)
class PairwiseScores:
    """How predicted preferences fare on pairs with votes; see `metrics` and `calibration` for the definitions."""

    pairs: int
    ties: int  # pairs whose votes are split evenly: no evidence for accuracy and AUC
    votes: float
    accuracy: Estimate | None  # None if all pairs are ties
    vote_accuracy: Estimate
    ceiling: float
    log_loss: Estimate
    brier: Estimate
    ece: Estimate
    ece_noise: float | None  # the error that a calibrated model would show; None without an interval
    auc: Estimate | None
    calibration: tuple[CalibrationBin, ...]  # the reliability diagram
    ece_debiased: float | None  # the error less the part that noise adds; None without an interval
    calibration_rms: float | None  # the same for squared errors, whose square is right on average
    brier_split: BrierSplit


@dataclass(frozen=True, slots=True)
class WorstPart:
    """The part (a domain, a criterion, an annotator) that predictions fare worst on, and how they fare on average.

    The least of several noisy accuracies is too low on average, the more so the smaller the parts are.
    """

    name: str
    pairs: int
    accuracy: Estimate
    mean: float  # of the accuracies of all parts, each once
    parts: int  # that are large enough to count


@dataclass(frozen=True, slots=True)
class AnnotatorScores:
    """How predicted preferences fare on the votes of one annotator."""

    annotator: str
    votes: float
    pairs: int
    accuracy: Estimate | None  # on the pairs that this annotator decided, each once; Wilson's interval by prompts
    log_loss: float


@dataclass(frozen=True, slots=True, eq=False)
class PredictedVotes:
    """Comparisons with predictions, one entry each [C]; share and margin are those of the same one of the pair."""

    pair: Ints
    margin: Floats
    share: Floats
    votes: Floats
    prompt: Ints
    log_odds: Floats  # NaN where only the margin is known

    def pooled(self) -> JudgedPairs:
        """The judgments added up by pair."""
        return JudgedPairs.pooled(self.pair, self.margin, self.share, self.votes, self.prompt, self.log_odds)

    def part(self, rows: Ints) -> PredictedVotes:
        """Some of the judgments."""
        votes, prompt, log_odds = self.votes[rows], self.prompt[rows], self.log_odds[rows]
        return PredictedVotes(self.pair[rows], self.margin[rows], self.share[rows], votes, prompt, log_odds)

    def parts(self, code: Ints) -> Iterator[tuple[int, PredictedVotes]]:
        """The judgments of each code from 0 on, in ascending order; negative codes are left out."""
        order = np.argsort(code, kind="stable")
        present, starts = np.unique(code[order], return_index=True)
        for value, rows in zip(present.tolist(), np.split(order, starts[1:])):
            if value >= 0:
                yield value, self.part(rows)

    def __len__(self) -> int:
        return len(self.pair)


def score_pairs(pairs: JudgedPairs, *, resamples: int, seed: int) -> PairwiseScores | None:
    """All scores of some judged pairs; None if there are none."""
    if not len(pairs):
        return None
    bootstrap = Bootstrap(pairs.prompt, resamples=resamples, seed=seed)
    accuracy, votes = metrics.accuracy(pairs), metrics.vote_accuracy(pairs)
    found = bootstrap.estimates(
        {"accuracy": accuracy, "votes": votes, "log_loss": metrics.log_loss(pairs), "brier": metrics.brier(pairs)}
    )
    error, ceiling = calibration_error(pairs, bootstrap), metrics.ceiling(pairs).ratio()
    vote_accuracy = bootstrap.widened(found["votes"], votes)
    log_loss, brier = found["log_loss"], found["brier"]
    assert vote_accuracy is not None  # every pair has votes
    assert log_loss is not None
    assert brier is not None
    assert error is not None
    assert ceiling is not None
    return PairwiseScores(
        pairs=len(pairs),
        ties=int((~pairs.decided).sum()),
        votes=float(pairs.votes.sum()),
        accuracy=bootstrap.widened(found["accuracy"], accuracy),
        vote_accuracy=vote_accuracy,
        ceiling=ceiling,
        log_loss=log_loss,
        brier=brier,
        ece=error.ece,
        ece_noise=error.noise,
        auc=auc(pairs, bootstrap),
        calibration=calibration_bins(pairs),
        ece_debiased=error.debiased,
        calibration_rms=error.rms,
        brier_split=brier_split(pairs),
    )


def worst_part(parts: Iterable[tuple[str, int, Estimate | None]]) -> WorstPart | None:
    """Of (name, pairs, accuracy), the worst with an accuracy; None unless there are two."""
    found = [(name, pairs, accuracy) for name, pairs, accuracy in parts if accuracy is not None]
    if len(found) < 2:
        return None
    name, pairs, accuracy = min(found, key=lambda part: (part[2].value, part[0]))
    return WorstPart(name, pairs, accuracy, sum(part[2].value for part in found) / len(found), len(found))


def auc(pairs: JudgedPairs, bootstrap: Bootstrap) -> Estimate | None:
    """AUC for the majority of each pair that has one, with an interval from 200 resamples; None without a majority."""
    decided = pairs.decided
    if not decided.any():
        return None
    curve = SymmetricAuc(pairs.towards_majority[decided])
    value = curve.of(np.ones(len(curve.order)))
    if bootstrap.units < 2:
        return Estimate(value)
    unit = bootstrap.unit[decided][curve.order]
    samples = np.array([curve.of(row[unit]) for block in bootstrap.multiplicities(_AUC_RESAMPLES) for row in block])
    return bootstrap.estimate(value, samples)


def score_parts(
    judgments: PredictedVotes, code: Ints, names: Sequence[str], *, resamples: int, seed: int
) -> dict[str, PairwiseScores]:
    """Scores by part (domain, criterion) in the order of `names`; `code` [C] is −1 for judgments of no part."""
    found = {}
    for part, said in judgments.parts(code):
        scores = score_pairs(said.pooled(), resamples=resamples, seed=seed)
        if scores is not None:
            found[names[part]] = scores
    return found


def score_annotators(
    judgments: PredictedVotes, code: Ints, names: Sequence[str], *, minimum_votes: float
) -> tuple[AnnotatorScores, ...]:
    """Scores on the own votes of each annotator with at least `minimum_votes` of them, the best first."""
    found = []
    for annotator, said in judgments.parts(code):
        votes = float(said.votes.sum())
        if votes < minimum_votes - metrics.TIE:
            continue
        pairs = said.pooled()
        log_loss = metrics.log_loss(pairs).ratio()
        assert log_loss is not None  # every pair has votes
        accuracy, decided = metrics.accuracy(pairs), pairs.decided
        share = None
        if decided.any():
            share = Estimate(*clustered_share(accuracy.top[decided], accuracy.bottom[decided], pairs.prompt[decided]))
        found.append(AnnotatorScores(names[annotator], votes, len(pairs), share, log_loss))
    return tuple(sorted(found, key=lambda a: (-a.accuracy.value if a.accuracy else 1.0, a.annotator)))
