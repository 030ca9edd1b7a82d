"""Policies of several runs of alignment against each other, by the answers that they gave to held-out prompts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from polypref.alignment.examining import HELD_OUT
from polypref.alignment.run import CONFIG, AlignmentError, place_of
from polypref.errors import DataError
from polypref.evaluation.tournament import PolicyGame, tournament
from polypref.groups.model import Group
from polypref.groups.sources import load_groups
from polypref.models.preference_model import PreferenceModel


def contest(
    runs: Sequence[str | Path], judge: str | Path, *, guide_may_judge: bool = False, resamples: int = 1000
) -> PolicyGame:
    """The game between the policies of some runs, as a preference model judges them that took no part in training.

    A run is a folder of `polypref align`, which stands for its last policy; one of its iterations (`iteration-0` is the
    policy before alignment); or a file of answers in any format. Prompts that not all of them answered are left out.
    """
    named = list(dict.fromkeys(str(run) for run in runs))
    if not guide_may_judge:
        for run in map(Path, named):
            _check_judge(run if (run / CONFIG).exists() else run.parent, str(judge))
    policies = {name: _answers(Path(name)) for name in named}
    return tournament(PreferenceModel.from_pretrained(judge), policies, resamples)


def is_aligned(folder: Path) -> bool:
    """Whether a folder was written by `polypref align`."""
    return (folder / CONFIG).is_file()


def last_iteration(folder: Path) -> int:
    """The last iteration of a run whose policy answered held-out prompts."""
    done = [int(path.parent.name.removeprefix("iteration-")) for path in folder.glob(f"iteration-*/{HELD_OUT}")]
    if not done:
        raise DataError("holds no answers to held-out prompts: run polypref align with eval_prompts", file=folder)
    return max(done)


def _answers(run: Path) -> list[Group]:
    if not run.is_dir():
        return load_groups(str(run))
    path = (run / f"iteration-{last_iteration(run)}" if is_aligned(run) else run) / HELD_OUT
    if not path.is_file():
        raise DataError("holds no answers to held-out prompts, as polypref align writes them", file=run)
    return load_groups(str(path), format="polypref")


def _check_judge(folder: Path, judge: str) -> None:
    """Refuse a judge that guided one of the runs."""
    if not is_aligned(folder):
        return
    guides = json.loads((folder / CONFIG).read_text(encoding="utf-8"))["guide"]
    if place_of(judge) in map(place_of, [guides] if isinstance(guides, str) else guides):
        raise AlignmentError(
            f"the judge {judge} is the guide of {folder}, which says nothing of how good a policy is that it has "
            "trained; name another judge, or say --guide-may-judge"
        )
