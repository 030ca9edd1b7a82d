"""Aligning a language model, top to bottom: sample, judge, fit, measure, and again; each phase whole or not at all.

In `out` lie the settings (`alignment.json`), the policy before alignment (`instruction`, where it is tuned first), and
for each iteration a folder: `samples.jsonl` (what the last policy answered), `judged.jsonl` (the same with what the
guide says and how likely past policies are to give them), `policy` (the fitted model; with adapters
`adapter`, and `policy` of the last iteration alone), `fit.json`, `held-out.jsonl` and
`measured.json`; at the end `game.json` says how the policies play against each other. What is there is not made again,
so a killed run goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from polypref.alignment.answering import answer
from polypref.alignment.config import AlignmentConfig
from polypref.alignment.examining import examine, play
from polypref.alignment.judging import judge
from polypref.alignment.learning import learn, learn_by_trainer, write_whole_policies
from polypref.alignment.measuring import Measured
from polypref.alignment.run import FIT, Guide, Run
from polypref.evaluation.tournament import PolicyGame
from polypref.training.progress import Report


@dataclass(frozen=True)
class Aligned:
    """A finished run; `measured[0]` is the policy before alignment, where prompts were held out."""

    policy: Path  # a folder that transformers loads
    fits: list[Mapping[str, float | None]]
    measured: list[Measured]
    game: PolicyGame | None = None  # between the policies of the run, where prompts were held out and a judge was named

    def to_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return {**asdict(self), "policy": str(self.policy)}


def align(config: AlignmentConfig, report: Report | None = None, guide: Guide | None = None) -> Aligned:
    """Let a language model learn from a preference model; finished parts in `config.out` are not made again.

    A `guide` that is handed over stands in for the one that `config.guide` names.
    """
    run = Run(config, report or Report(), guide)
    run.begin()
    iterations = range(1, 2 if run.trainer else config.iterations + 1)
    measured = [examine(run, 0)] if run.held_out else []
    for iteration in iterations:
        if run.trainer:
            learn_by_trainer(run)
        else:
            answer(run, iteration)
            judge(run, iteration)
            learn(run, iteration)
        if run.held_out:
            measured.append(examine(run, iteration))
    write_whole_policies(run, iterations[-1])
    game = play(run, (0, *iterations)) if run.held_out else None
    fits = [] if run.trainer else [json.loads((run.folder(at) / FIT).read_text()) for at in iterations]
    return Aligned(run.policy_of(iterations[-1]), fits, measured, game)
