"""From runs and data to what a report holds: inspect, predict, assess, choose prompts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from polypref import choice
from polypref.errors import Undefined
from polypref.evaluation.assessment import Assessment
from polypref.evaluation.cache import StateCache
from polypref.evaluation.crowd_metrics import wasserstein_1
from polypref.evaluation.measuring import measure
from polypref.evaluation.truth import true_matrix
from polypref.groups.model import Group
from polypref.groups.rows import Progress
from polypref.inspection.inspector import inspect_groups
from polypref.markup import cut
from polypref.models.answer import Answer
from polypref.models.preference_model import PreferenceModel
from polypref.reporting import choosing
from polypref.reporting.contents import Chapter, Matrix, Opinion, Preferences, Prompt, Run, Verdict
from polypref.statistics.comparing import Difference

Floats = npt.NDArray[np.float64]

_MOST_OPINIONS = 6  # prompts
_MOST_RATED = 6  # responses of a prompt whose opinions are shown
_MOST_LABELS = 24
_PROMPT_LENGTH, _RESPONSE_LENGTH = 1_200, 700  # characters


def training_chapter(title: str, runs: Sequence[Run]) -> Chapter:
    """What can be said of runs without data: how their training went."""
    return Chapter(title, (), tuple(runs))


def build_chapter(
    title: str,
    data: Sequence[str],
    groups: Sequence[Group],
    runs: Sequence[Run],
    load: Callable[[Run], PreferenceModel],
    *,
    cached: Callable[[PreferenceModel], StateCache | None] = lambda model: None,
    resamples: int = 1000,
    seed: int = 0,
    progress: Progress = lambda what, done, total: None,
) -> Chapter:
    """Everything that is shown of some runs on some groups; the models are in memory one after the other.

    `cached` gives the cache of a model's states, or None for one whose states are computed anew.
    """
    predictions: dict[str, list[Answer]] = {run.name: [] for run in runs}
    found = measure(
        {run.name: partial(load, run) for run in runs},
        groups,
        cached=cached,
        resamples=resamples,
        seed=seed,
        progress=progress,
        heard=lambda name, answer: predictions[name].append(answer),
    )
    return chapter_of(title, data, groups, runs, predictions, found.assessments, found.differences(), seed=seed)


def chapter_of(
    title: str,
    data: Sequence[str],
    groups: Sequence[Group],
    runs: Sequence[Run],
    predictions: Mapping[str, Sequence[Answer]],
    assessments: Mapping[str, Assessment],
    differences: Mapping[str, Mapping[str, Difference]],
    *,
    seed: int = 0,
) -> Chapter:
    """A chapter from what the runs, by name, predicted for each group, and how that was assessed and compared."""
    chosen = choosing.choose_pairs(groups, predictions)
    return Chapter(
        title=title,
        data=tuple(data),
        runs=tuple(runs),
        inspection=inspect_groups(groups, seed=seed),
        assessments=assessments,
        differences=differences,
        average_distance=average_distance(groups),
        preferences=tuple(
            _preferences(groups[at], reasons, {name: said[at] for name, said in predictions.items()})
            for at, reasons in chosen.items()
        ),
        opinions=_opinions(groups, predictions),
    )


def average_distance(groups: Sequence[Group]) -> float | None:
    """The mean Wasserstein-1 distance of the ratings of each response to the average of all ratings, in labels.

    What somebody reaches who knows how often each label is given here and nothing else; None without numeric ratings.
    """
    counted: list[Floats] = []  # ratings of one response by label [L]
    rated = [group for group in groups if group.ratings and not any(isinstance(r.label, str) for r in group.ratings)]
    labels = sorted({float(r.label) for group in rated for r in group.ratings})
    place = {label: at for at, label in enumerate(labels)}
    for group in rated:
        counts = np.zeros((len(group), len(labels)))
        for r in group.ratings:
            counts[r.i, place[float(r.label)]] += r.weight
        counted += [row for row in counts if row.any()]
    if not counted:
        return None
    observed = np.stack(counted)  # [N, L]
    average = np.tile(observed.sum(axis=0) / observed.sum(), (len(observed), 1))
    return float(wasserstein_1(average, labels, observed / observed.sum(axis=1, keepdims=True), labels).mean())


def _preferences(group: Group, reasons: Sequence[str], said: Mapping[str, Answer]) -> Prompt:
    """One prompt with the matrices of the votes, of each model and, where it is known, of the whole population."""
    P, W = choosing.votes_of(group)
    shown = choosing.shown_responses(W.sum(axis=1))
    inside = np.ix_(shown, shown)

    def preferences(of: Literal["votes", "model", "truth"], matrix: Floats, model: str | None = None) -> Preferences:
        return Preferences(of, model, _matrix(matrix[inside]), verdict(matrix[inside]))

    found = [preferences("votes", P)]
    for name, one in said.items():
        margins = one.margins(len(group))
        if margins is not None:
            found.append(preferences("model", 0.5 + margins, name))
    truth = true_matrix(group, "preferences", (len(group), len(group)))
    if truth is not None:
        found.append(preferences("truth", truth))
    return _prompt(group, shown.tolist(), reasons, preferences=tuple(found))


def verdict(P: Floats) -> Verdict:
    """The winners of a preference matrix under each rule, and its strongest cycle."""
    why: dict[str, str] = {}

    def attempt(rule: str, compute: Callable[[], Any]) -> Any:
        try:
            return compute()
        except Undefined as error:
            why[rule] = str(error)
            return None

    lottery = attempt("maximal lottery", lambda: choice.maximal_lottery(P))
    winners: dict[str, tuple[int, ...] | None] = {
        "Condorcet": attempt("Condorcet", lambda: _one(choice.condorcet_winner(P))),
        "Copeland": attempt("Copeland", lambda: _best(choice.copeland_scores(P))),
        "Borda": attempt("Borda", lambda: _best(choice.borda_scores(P))),
        "Kemeny": attempt("Kemeny", lambda: (int(choice.rank(P, "kemeny")[0]),)),
        "maximal lottery": None if lottery is None else tuple(np.flatnonzero(lottery > 0.005).tolist()),
    }
    cycles = choice.strongest_cycles(P, top=1)
    shares = None if lottery is None else tuple(np.round(lottery, 4).tolist())
    return Verdict(winners, shares, cycles[0].members if cycles else (), why)


def _one(winner: int | None) -> tuple[int, ...]:
    return () if winner is None else (winner,)


def _best(scores: Floats) -> tuple[int, ...]:
    return tuple(np.flatnonzero(scores >= scores.max() - 1e-9).tolist())


def _opinions(groups: Sequence[Group], predictions: Mapping[str, Sequence[Answer]]) -> tuple[Prompt, ...]:
    """The most divisive prompts, where a model predicts the crowd's opinion of numbers."""
    crowds = {name: said for name, said in predictions.items() if any(one.distributions is not None for one in said)}
    prompts = []
    for at in choosing.choose_opinions(groups, _MOST_OPINIONS) if crowds else ():
        made = _opinion_prompt(groups[at], {name: said[at] for name, said in crowds.items()})
        if made is not None:
            prompts.append(made)
    return tuple(prompts)


def _opinion_prompt(group: Group, said: Mapping[str, Answer]) -> Prompt | None:
    predicted = {name: one.checked_distributions(len(group), group.scale) for name, one in said.items()}
    rated = [(r.i, float(r.label), r.weight) for r in group.ratings if not isinstance(r.label, str)]
    places = {value for one in predicted.values() if one for value in one[1]} | {label for _, label, _ in rated}
    if len(places) > _MOST_LABELS:
        return None
    labels = tuple(sorted(places))
    counts = np.zeros((len(group), len(labels)))
    for i, label, weight in rated:
        counts[i, labels.index(label)] += weight
    scale = [float(label) for label in group.scale if not isinstance(label, str)]
    truth = true_matrix(group, "distributions", (len(group), len(scale))) if set(scale) <= places else None
    shown = [at for at in choosing.shown_responses(counts.sum(axis=1), _MOST_RATED).tolist() if counts[at].any()]
    opinions = tuple(
        Opinion(
            response=place,
            ratings=float(counts[at].sum()),
            observed=_shares(counts[at] / counts[at].sum()),
            predicted={name: _placed(one[0][at], one[1], labels) for name, one in predicted.items() if one},
            truth=None if truth is None else _placed(truth[at], scale, labels),
        )
        for place, at in enumerate(shown)
    )
    return _prompt(group, shown, ["ratings of one response spread widest"], labels=labels, opinions=opinions)


def _prompt(group: Group, shown: Sequence[int], reasons: Sequence[str], **parts: Any) -> Prompt:
    return Prompt(
        text=cut(group.prompt_text, _PROMPT_LENGTH),
        responses=tuple(cut(group.responses[at], _RESPONSE_LENGTH) for at in shown),
        sources=tuple(group.sources[at] for at in shown) if group.sources else (),
        chosen=tuple(reasons),
        left_out=len(group) - len(shown),
        **parts,
    )


def _placed(p: Floats, values: Sequence[float], labels: Sequence[float]) -> tuple[float, ...]:
    """Probabilities of `values` as probabilities of `labels`, which hold them all."""
    placed = np.zeros(len(labels))
    placed[[labels.index(value) for value in values]] = p
    return _shares(placed)


def _shares(p: Floats) -> tuple[float, ...]:
    return tuple(np.round(p, 4).tolist())


def _matrix(P: Floats) -> Matrix:
    return tuple(tuple(None if np.isnan(p) else round(float(p), 4) for p in row) for row in P)
