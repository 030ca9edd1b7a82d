"""What the demo does: two simulated crowds, four trained models, and how near each comes to the truth."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from polypref.choice import kemeny_ranking
from polypref.evaluation.crowd_metrics import wasserstein_1
from polypref.evaluation.metrics import TIE
from polypref.evaluation.truth import true_matrix
from polypref.groups.model import Group
from polypref.groups.rows import Progress
from polypref.groups.simulate import simulate
from polypref.groups.splitting import split_groups
from polypref.groups.writing import save_groups
from polypref.models.preference_model import PreferenceModel
from polypref.reporting.building import build_chapter
from polypref.reporting.contents import Chapter, Run
from polypref.reporting.runs import read_runs
from polypref.statistics.resampling import Estimate
from polypref.training.config import make_config
from polypref.training.progress import Report
from polypref.training.recipe import train
from polypref.training.resuming import CONFIG

Floats = npt.NDArray[np.float64]

LABELS = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
HELD_OUT = 0.25  # share of the prompts


@dataclass(frozen=True)
class Crowd:
    """A simulated crowd and the models that are trained on what it says."""

    scenario: str
    title: str  # for people
    votes: int  # on each pair and each response
    models: dict[str, dict[str, Any]]  # name: settings of its training


SHARED: dict[str, Any] = {"learning_rate": 2e-4, "batch_size": 8, "max_length": 160}
CYCLE = Crowd(
    "cyclic",
    "A taste that runs in circles",
    votes=5,
    models={
        "scalar": {"head": "scalar", "epochs": 3},
        "general": {"head": "general", "epochs": 3},
    },
)
CAMPS = Crowd(
    "polarised",
    "A divided crowd",
    votes=20,
    models={
        "scalar": {"head": "scalar", "objective": "mean-squared", "epochs": 3},
        "distributional": {"head": "distributional", "objective": "transport", "epochs": 3},
    },
)


@dataclass(frozen=True)
class Parts:
    """The prompts of a crowd to learn from, those held out, and where they are."""

    known: list[Group]
    asked: list[Group]
    files: tuple[Path, Path]


@dataclass(frozen=True)
class Outcome:
    """What came of one crowd: a chapter of the report, and the numbers of the table, by model."""

    chapter: Chapter
    asked: int  # prompts that were held out
    right: dict[str, Estimate]  # share of held-out comparisons on which the model sides with the whole population
    most_of_a_score: float | None  # the largest share that any single score for each response can reach
    distance: dict[str, float]  # to the true opinion of the whole population, in labels


def make_crowd(crowd: Crowd, groups: int, folder: Path, seed: int) -> Parts:
    """Simulate a crowd and write its two parts."""
    made = simulate(crowd.scenario, groups, votes=crowd.votes, seed=seed)
    parts = split_groups(made, {"train": 1 - HELD_OUT, "held-out": HELD_OUT}, seed)
    files = (folder / f"{crowd.scenario}.train.jsonl", folder / f"{crowd.scenario}.held-out.jsonl")
    for path, part in zip(files, parts.values()):
        save_groups(part, path)
    return Parts(parts["train"], parts["held-out"], files)


def train_model(
    crowd: Crowd, name: str, parts: Parts, folder: Path, backbone: str, seed: int, report: Report
) -> PreferenceModel:
    """Train one of a crowd's models in place of what an earlier demo left there."""
    out = folder / crowd.scenario / name
    if (out / CONFIG).exists():
        shutil.rmtree(out)
    settings = {**SHARED, **crowd.models[name], "backbone": backbone, "seed": seed, "out": str(out)}
    config = make_config({**settings, "trainer": {"save_strategy": "no"}})
    return train(config, parts.known, parts.asked, report).model


def measure(
    crowd: Crowd, parts: Parts, models: dict[str, PreferenceModel], folder: Path, seed: int, progress: Progress
) -> Outcome:
    """What the models make of the prompts that were held out."""
    runs = read_runs([folder / crowd.scenario / name for name in models])

    def load(run: Run) -> PreferenceModel:
        return models[run.name]

    files = [parts.files[1].name]
    chapter = build_chapter(crowd.title, files, parts.asked, runs, load, resamples=500, seed=seed, progress=progress)
    right = {name: one.truth.accuracy for name, one in chapter.assessments.items() if one.truth and one.truth.accuracy}
    return Outcome(chapter, len(parts.asked), right, most_of_a_score(parts.asked), _distances(parts, models))


def most_of_a_score(groups: Sequence[Group]) -> float | None:
    """The largest share of pairs with a true majority on which an order of the responses, so any score, sides with it.

    In each group the order is the one that contradicts the fewest majorities: Kemeny's, of the majorities themselves.
    """
    right = pairs = 0.0
    for group in groups:
        truth = true_matrix(group, "preferences", (len(group), len(group)))
        if truth is None:
            continue
        majority = np.where(np.abs(truth - 0.5) < TIE, 0.5, (truth > 0.5).astype(np.float64))
        decided = float((majority[np.triu_indices(len(group), 1)] != 0.5).sum())
        ties = len(group) * (len(group) - 1) / 2 - decided
        pairs += decided
        right += decided - (kemeny_ranking(majority).cost - ties / 2)  # a tie costs ½ in every order
    return right / pairs if pairs else None


def _distances(parts: Parts, models: dict[str, PreferenceModel]) -> dict[str, float]:
    """Mean Wasserstein-1 distance of each model to the true opinions; of the average opinion too, as "constant"."""
    truth = [true_matrix(group, "distributions", (len(group), len(LABELS))) for group in parts.asked]
    if any(q is None for q in truth):
        return {}
    asked = [(group, q) for group, q in zip(parts.asked, truth) if q is not None]
    average = mean_opinion(parts.known)
    found = {"constant": _mean(wasserstein_1(np.tile(average, (len(q), 1)), LABELS, q, LABELS) for _, q in asked)}
    for name, model in models.items():
        if model.labels is not None:
            said = model.distributions(parts.asked)
            found[name] = _mean(wasserstein_1(p, model.labels, q, LABELS) for p, (_, q) in zip(said, asked))
        else:
            scores = model.utilities(parts.asked)
            found[name] = _mean(point_distance(u, q) for u, (_, q) in zip(scores, asked))
    return found


def mean_opinion(groups: Sequence[Group]) -> Floats:
    """The share of each label in all ratings: [6]."""
    counts = np.zeros(len(LABELS))
    for group in groups:
        for rating in group.ratings:
            counts[LABELS.index(float(rating.label))] += rating.weight
    return counts / counts.sum()


def point_distance(scores: Floats, q: Floats) -> Floats:
    """Wasserstein-1 distance of a crowd that agrees on a score [K] to the true one [K, 6]: Σ_a q_a·|u_a − score|."""
    return (q * np.abs(np.array(LABELS) - scores[:, None])).sum(axis=1)


def _mean(distances: Iterable[Floats]) -> float:
    return float(np.concatenate(list(distances)).mean())
