"""The trade-off, measured while a domain's model is trained: domain accuracy gained, general accuracy lost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from polypref.customization.measuring import AllAnswers, Scores, Yardstick
from polypref.files import write_whole
from polypref.models.preference_model import PreferenceModel
from polypref.training.config import ConfigError
from polypref.training.progress import ModelWatcher, Report

POINTS = "points.json"  # in the folder of a run
TRADEOFF = "tradeoff.json"  # in a domain's folder, written last
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Point:
    """A model on the way from the general to the customised one, measured on the choosing sets."""

    step: int  # of the training; 0 is the general model itself
    alpha: float | None  # between the general model and that of the step; None: that of the step itself
    scores: Scores


@dataclass(frozen=True)
class Tradeoff:
    """What customising for one domain gained and lost."""

    domain: str
    points: list[Point]  # on the choosing sets: the general model, along the training, between the two
    recommended: Point
    most_general_loss: float
    before: Scores  # of the general model, on the test sets
    after: Scores  # of the recommended one
    last: Scores  # of the one at the end of the training


def recommended(points: Sequence[Point], most_general_loss: float) -> Point:
    """The point with the best domain accuracy among those that lose at most so much general accuracy; the first of
    equals. The general model itself loses nothing, so there always is one."""
    allowed = [point for point in points if point.scores.lost.value <= most_general_loss + _ROUNDING]
    return max(allowed, key=lambda point: point.scores.domain.value)


class TradeoffWatch(ModelWatcher):
    """Measures the model whenever the run is saved, and keeps the checkpoint of the best point so far.

    A run that is killed between saving and measuring measures when it goes on, so that it misses no point.
    """

    def __init__(
        self, yardstick: Yardstick, before: AllAnswers, folder: Path, most_general_loss: float, report: Report
    ) -> None:
        self.yardstick = yardstick
        self.before = before  # the general model's answers
        self.folder = folder  # of the run
        self.most_general_loss = most_general_loss
        self.report = report
        self.points: list[Point] = read_points(folder) or [Point(0, None, yardstick.scores(before, before))]
        self.model: PreferenceModel | None = None

    def meet(self, model: PreferenceModel) -> None:
        self.model = model

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.points = [point for point in self.points if point.step <= state.global_step]
        self._measure(state)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._measure(state)

    def _measure(self, state: Any) -> None:
        if not state.is_world_process_zero:
            return
        if self.points[-1].step < state.global_step:
            assert self.model is not None
            scores = self.yardstick.scores(self.yardstick.answers(self.model), self.before)
            self.points.append(Point(state.global_step, None, scores))
            write_points(self.folder, self.points)
            self.report.line(f"step {state.global_step}/{state.max_steps}: {described(scores)}")
        best = recommended(self.points, self.most_general_loss)
        state.best_model_checkpoint = str(checkpoint_at(self.folder, best.step)) if best.step else None


def described(scores: Scores) -> str:
    """In words, for people."""
    sets = ", ".join(f"{name} {estimate.value:.3f}" for name, estimate in scores.general.items())
    return f"domain accuracy {scores.domain.value:.3f}, general {scores.mean.value:.3f} ({sets})"


def checkpoint_at(folder: Path, step: int) -> Path:
    """The checkpoint of a run at a step."""
    return folder / f"checkpoint-{step}"


def read_tradeoff(folder: Path) -> Tradeoff | None:
    """What was measured of a finished domain; None in a folder of another."""
    path = folder / TRADEOFF
    return TypeAdapter(Tradeoff).validate_json(path.read_bytes()) if path.exists() else None


def write_tradeoff(folder: Path, tradeoff: Tradeoff) -> None:
    """Keep what was measured of a domain, which is finished by that."""
    write_json(folder / TRADEOFF, asdict(tradeoff))


def read_points(folder: Path) -> list[Point]:
    """Those measured so far in a run; none in a folder without."""
    path = folder / POINTS
    if not path.exists():
        return []
    return TypeAdapter(list[Point]).validate_json(path.read_bytes())


def write_points(folder: Path, points: Sequence[Point]) -> None:
    """Keep the points of a run, whole or not at all."""
    write_json(folder / POINTS, [asdict(point) for point in points])


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error
