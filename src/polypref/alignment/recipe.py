"""Aligning a language model, top to bottom: sample, judge, fit, measure, and again; each phase whole or not at all.

In `out` lie the settings (`alignment.json`), the policy before alignment (`instruction`, where it is tuned first), and
for each iteration a folder: `samples.jsonl` (what the last policy answered), `judged.jsonl` (the same with what the
guide says and how likely past policies are to give them), `policy` (the fitted model; with adapters
`adapter`, and `policy` of the last iteration alone), `fit.json`, `held-out.jsonl` and
`measured.json`. What is there is not made again, so a killed run goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from polypref.alignment.answering import answer, draw
from polypref.alignment.config import AlignmentConfig
from polypref.alignment.judging import judge
from polypref.alignment.learning import learn, learn_by_trainer, write_whole_policies
from polypref.alignment.measuring import Measured, measure
from polypref.alignment.run import BEFORE, FIT, Guide, Run
from polypref.alignment.samples import load_samples, save_samples
from polypref.alignment.sampling import Sampling
from polypref.files import write_whole
from polypref.models.preference_model import PreferenceModel
from polypref.training.progress import Report


@dataclass(frozen=True)
class Aligned:
    """A finished run; `measured[0]` is the policy before alignment, where prompts were held out."""

    policy: Path  # a folder that transformers loads
    fits: list[Mapping[str, float | None]]
    measured: list[Measured]

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
    for iteration in iterations:
        if run.trainer:
            learn_by_trainer(run)
            continue
        answer(run, iteration)
        judge(run, iteration)
        learn(run, iteration)
    write_whole_policies(run, iterations[-1])
    measured = [measured_after(run, iteration) for iteration in (0, *iterations)] if run.held_out else []
    fits = [] if run.trainer else [json.loads((run.folder(at) / FIT).read_text()) for at in iterations]
    return Aligned(run.policy_of(iterations[-1]), fits, measured)


def measured_after(run: Run, iteration: int) -> Measured:
    """The policy after an iteration on held-out prompts, beside the one before alignment."""
    folder = run.folder(iteration)
    path = folder / "held-out.jsonl"
    if not path.exists():
        drawn = folder / "held-out-samples.jsonl"
        # at temperature 1, or log-ratios of samples would be no estimate of KL
        plain = Sampling(run.config.eval_count, run.config.sampling.max_tokens)
        if not drawn.exists():
            draw(run, iteration, run.held_out, plain, -1, drawn)
        save_samples(run.with_log_probs(load_samples(drawn), (0, iteration)), path)
        drawn.unlink()
    by = None if run.config.judge is None else PreferenceModel.from_pretrained(run.config.judge)
    before = load_samples(run.folder(0) / "held-out.jsonl")
    measured = measure(load_samples(path), before, run.name_of(iteration), BEFORE, by)
    write_whole(folder / "measured.json", json.dumps(asdict(measured)) + "\n")
    return measured
