"""What a report holds, as plain data: everything on the page is drawn from this, and it is the JSON in the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from polypref.alignment.measuring import Measured
from polypref.customization.tradeoff import Tradeoff
from polypref.evaluation.assessment import Assessment
from polypref.evaluation.tournament import PolicyGame
from polypref.groups.json_text import plain_fields
from polypref.inspection.findings import Inspection
from polypref.statistics.comparing import Difference
from polypref.statistics.resampling import Estimate

Matrix = tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True, slots=True)
class Run:
    """A trained model: what it is, and how its training went."""

    name: str
    folder: str
    head: str
    settings: Mapping[str, str]  # what it was trained with, for people; empty for a model that was not trained by us
    curves: Mapping[str, tuple[tuple[float, float], ...]]  # (step, value) of loss, eval_loss, eval_accuracy, …
    tradeoff: Tradeoff | None = None  # what customising gained and lost, if it is a domain's model


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who wins in a preference matrix; a rule that gives no answer has None, and `why` says why."""

    winners: Mapping[str, tuple[int, ...] | None]  # by rule; several where it does not choose between them
    lottery: tuple[float, ...] | None
    cycle: tuple[int, ...]  # the strongest, each preferred to the next and the last to the first; empty without one
    why: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Preferences:
    """P[i, j] = P(i ≻ j) as the votes or a model have it; None where nobody was asked."""

    of: Literal["votes", "model", "truth"]
    model: str | None  # the name of its run, if it is a model's
    matrix: Matrix
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Opinion:
    """The crowd's opinion of one response over the labels, as observed, as predicted, and as it truly is."""

    response: int
    ratings: float  # how many votes are behind `observed`
    observed: tuple[float, ...]
    predicted: Mapping[str, tuple[float, ...]]  # by run
    truth: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt that was chosen to be shown, and why."""

    text: str
    responses: tuple[str, ...]
    sources: tuple[str | None, ...]
    chosen: tuple[str, ...]  # reasons
    preferences: tuple[Preferences, ...] = ()
    labels: tuple[float, ...] = ()
    opinions: tuple[Opinion, ...] = ()
    left_out: int = 0  # responses that are not shown


@dataclass(frozen=True, slots=True)
class Answered:
    """What a policy answered to one held-out prompt before and after alignment; an empty text is no answer."""

    prompt: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicyRun:
    """A run of alignment."""

    name: str
    measured: tuple[Measured, ...]  # before alignment, and after each iteration
    game: PolicyGame | None  # between these policies
    answers: tuple[Answered, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on the map of tastes."""

    name: str
    votes: int
    cluster: int
    place: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Liked:
    """A response, and by how many log-odds it is ahead of the mean of its prompt, for a cluster and for all others."""

    prompt: str
    text: str
    within: float
    elsewhere: float


@dataclass(frozen=True, slots=True)
class Cluster:
    """People of one taste."""

    share: float
    people: int
    favourites: tuple[Liked, ...]
    least: tuple[Liked, ...]


@dataclass(frozen=True, slots=True)
class Compromise:
    """Answers chosen by Agg_α: how far they are ahead of the mean of their prompt, in log-odds, mean over prompts."""

    alpha: float  # 0 is the mean over people, −∞ the worst-off
    mean: float  # over people
    worst: float  # of whom it suits least


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who differs from whom on some data, as a model's backbone reads them."""

    model: str
    people: int
    votes: int
    log_losses: Mapping[str, float]  # of held-out votes by number of clusters
    persons: tuple[Person, ...]  # all, or as many as a map shows, evenly spread
    clusters: tuple[Cluster, ...]
    by_votes: Mapping[str, Estimate]  # accuracy on held-out votes, from at most so many votes of each person
    compromises: tuple[Compromise, ...]


@dataclass(frozen=True, slots=True)
class Chapter:
    """Some runs on some data, some runs of alignment, or the people behind some data."""

    title: str
    data: tuple[str, ...]  # the names of the files; none where only training is shown
    runs: tuple[Run, ...]
    inspection: Inspection | None = None
    assessments: Mapping[str, Assessment] = field(default_factory=dict)  # by run
    differences: Mapping[str, Mapping[str, Difference]] = field(default_factory=dict)  # later runs less the first
    average_distance: float | None = None  # of the average of all ratings to those of each response, in labels
    preferences: tuple[Prompt, ...] = ()
    opinions: tuple[Prompt, ...] = ()
    policies: tuple[PolicyRun, ...] = ()  # by run, if they are runs of alignment
    crowd: Crowd | None = None  # the people, if it is on them

    @property
    def numbers(self) -> dict[str, int]:
        """The place of each run, which its colour follows."""
        return {run.name: at for at, run in enumerate(self.runs)}


@dataclass(frozen=True, slots=True)
class ReportData:
    """A report."""

    title: str
    made: str  # the day, for people
    version: str  # of polypref
    chapters: tuple[Chapter, ...]

    def to_dict(self) -> dict[str, Any]:
        """A JSON object; NaN and infinities, which JSON lacks, are null."""
        return plain_fields(self)


def headline(assessment: Assessment) -> dict[str, float | None]:
    """The few numbers by which one model is compared with another; None where they cannot be measured."""
    pairs, crowd, truth = assessment.pairwise, assessment.crowd, assessment.truth
    estimates = {
        "accuracy": pairs and pairs.accuracy,
        "log_loss": pairs and pairs.log_loss,
        "ece": pairs and pairs.ece,
        "wasserstein": crowd and crowd.wasserstein,
        "true_accuracy": truth and truth.accuracy,
        "true_preference_error": truth and truth.preference_error,
        "true_wasserstein": truth and truth.wasserstein,
    }
    return {name: found.value if found else None for name, found in estimates.items()}
