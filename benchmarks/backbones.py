"""The three embedded backbones after equal seconds of training on real preferences, beside what needs no training.

Seconds are those of the processor, on one thread, so that a machine shared with others does not matter. Decoders learn
at the rate of the other runs on SmolLM2 (5e-5), the encoder at the default (1e-4), with two groups a step, all weights
and no decay. Accuracy is of pairs with a majority: AlpacaEval's between two other answers than the baseline, whose
shares against it differ by at least 0.2; DSP's of `academy`; arguments, each pair judged by five people. CSC is the
Wasserstein-1 distance to the opinion of a crowd: each seed holds out another fifth of the contexts. Intervals are of
the mean over seeds, by bootstrap over prompts. Finished cells under --work are not run again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from real_preferences import derived, longer

from polypref import Group, load_groups
from polypref.evaluation.assessment import Assessor
from polypref.evaluation.prediction import Prediction
from polypref.models.answer import Answer
from polypref.objectives import group_judgments
from polypref.statistics.comparing import Evidence, compare
from polypref.statistics.resampling import Bootstrap, Terms
from polypref.training.config import make_config
from polypref.training.recipe import train
from polypref.training.time_limit import TimeLimit

RATES = {"embedded:minilm": 1e-4, "embedded:smollm2": 5e-5, "embedded:gemma3": 5e-5}
FOLDS = 5  # of CSC's contexts
TOOK = ("seconds", "steps", "epochs")


@dataclass(frozen=True)
class Task:
    """What is learned and asked with one seed."""

    known: Sequence[Group]
    asked: Sequence[Group]
    first: int = 0  # the number of the first prompt asked; those of other seeds' tasks may be others
    metrics: Sequence[str] = ("accuracy",)
    head: str = "scalar"
    objective: str | None = None


def part(group: Group, kept: Sequence[int]) -> Group:
    """Some of the responses, and what was said of them alone."""
    place = {int(at): new for new, at in enumerate(kept)}
    votes = [replace(c, i=place[c.i], j=place[c.j]) for c in group.comparisons if c.i in place and c.j in place]
    return replace(
        group,
        responses=tuple(group.responses[at] for at in kept),
        sources=group.sources and tuple(group.sources[at] for at in kept),
        comparisons=tuple(votes),
    )


def alpaca(data: Path, seed: int) -> Task:
    """The baseline and four of its 28 rivals to learn from, drawn by the seed; six of 40 prompts to ask about."""
    files = (f"{data}/alpaca_eval/pairs.{name}.jsonl.gz" for name in ("train", "dev"))
    known, asked = (load_groups(file, skip_bad=True) for file in files)
    assert all({c.i for c in group.comparisons} == {0} for group in [*known, *asked])  # the baseline
    rng, fixed = np.random.default_rng(seed), np.random.default_rng(0)
    some = [asked[at] for at in fixed.permutation(len(asked))[:40]]
    rivals = [_with_rivals(group, 6, fixed) for group in some]
    return Task(
        [_with_rivals(group, 4, rng) for group in known],
        [part(group, range(1, len(group))) for group in derived(rivals, of_similar_length=False)],
        metrics=("accuracy", "accuracy_alike"),
    )


def _with_rivals(group: Group, count: int, rng: np.random.Generator) -> Group:
    """The baseline, and so many of its rivals."""
    return part(group, [0, *(1 + rng.permutation(len(group) - 1)[:count])])


def academy(data: Path, seed: int) -> Task:
    known, asked = (
        load_groups(f"{data}/dsp/domains.{name}.jsonl.gz", preferred="academy", skip_bad=True)
        for name in ("train", "dev")
    )
    return Task(known, asked, metrics=("accuracy", "accuracy_alike"))


def sarcasm(data: Path, seed: int) -> Task:
    groups = load_groups(f"{data}/lewidi/csc.train.jsonl.gz")
    parts = np.array_split(np.random.default_rng(0).permutation(len(groups)), FOLDS)
    asked = parts[seed % FOLDS]
    first = sum(len(part) for part in parts[: seed % FOLDS])
    known = [groups[at] for at in np.concatenate([part for part in parts if part is not asked])]
    return Task(known, [groups[at] for at in asked], first, ("wasserstein",), "distributional", "transport")


def arguments(data: Path, seed: int) -> Task:
    """Learned from by six of a topic's thirty-odd arguments at a time; all are asked about."""
    known, asked = (load_groups(f"{data}/convarg/crowd.{name}.jsonl.gz") for name in ("train", "dev"))
    rng = np.random.default_rng(seed)
    pieces = [
        part(group, sorted(chosen))
        for _ in range(10)
        for group in known
        for chosen in np.array_split(rng.permutation(len(group)), max(1, round(len(group) / 6)))
    ]
    return Task([piece for piece in pieces if piece.comparisons], asked, metrics=("accuracy", "accuracy_alike"))


TASKS: dict[str, Callable[[Path, int], Task]] = {
    "alpaca_eval": alpaca,
    "dsp": academy,
    "csc": sarcasm,
    "convarg": arguments,
}


def trained(backbone: str, task: Task, given: argparse.Namespace, seed: int) -> tuple[list[Answer], dict[str, Any]]:
    """What a model says of the groups that are asked about, and what it took to train it."""
    limit = TimeLimit(given.seconds, clock=time.process_time)
    settings = {
        "backbone": backbone,
        "head": task.head,
        "objective": task.objective,
        "head_settings": {"labels": task.known[0].scale} if task.head == "distributional" else {},
        "max_length": given.max_length,
        "batch_size": given.groups_per_step,
        "epochs": 1000,
        "schedule": "constant_with_warmup",
        "trainer": {"save_strategy": "no", "warmup_steps": 4},
        "learning_rate": RATES[backbone],
        "seed": seed,
    }
    with tempfile.TemporaryDirectory() as folder:
        result = train(make_config({**settings, "out": f"{folder}/out"}), task.known, [], watchers=[limit])
    read = result.steps * given.groups_per_step
    took = {"seconds": limit.spent, "steps": result.steps, "epochs": read / result.tally.groups}
    return [answer for _, answer in result.model.encode(task.asked)], took


def constant(task: Task) -> list[Prediction]:
    """The mean opinion of the training data, of every response."""
    labels = tuple(float(label) for label in task.known[0].scale or ())
    mean = np.concatenate([group_judgments(group, labels).opinion for group in task.known]).mean(axis=0)
    return [Prediction(distributions=np.tile(mean, (len(group), 1)), labels=labels) for group in task.asked]


def untrained(task: Task) -> tuple[str, Sequence[Answer]]:
    """What needs no training: the longer answer, or a crowd's mean opinion."""
    if task.head == "distributional":
        return "constant", constant(task)
    return "longer answer", [prediction for _, prediction in longer(task.asked)]


def measured(task: Task, answers: Sequence[Answer]) -> dict[str, Any]:
    """The metrics of one cell as sums by prompt."""
    assessor = Assessor(resamples=1)
    for group, answer in zip(task.asked, answers, strict=True):
        assessor.add(group, answer)
    found = assessor.evidence()
    terms = {name: [column.tolist() for column in found.terms[name]] for name in task.metrics}
    return {"prompts": [task.first + at for at in range(len(found.prompts))], "terms": terms}


def place_of(name: str, backbone: str, seed: int, given: argparse.Namespace) -> Path:
    work: Path = given.work
    return work / f"{name}-{backbone.removeprefix('embedded:')}-{seed}.json"


def cell(name: str, backbone: str, seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """One training, or what an earlier call left of it."""
    kept = place_of(name, backbone, seed, given)
    if kept.exists():
        found: dict[str, Any] = json.loads(kept.read_text())
        return found
    task = TASKS[name](given.data, seed)
    answers, took = trained(backbone, task, given, seed)
    found = {"data": name, "model": backbone, "seed": seed, **took, **measured(task, answers)}
    kept.write_text(json.dumps(found))
    print(kept.stem, took, {metric: _ratio(found["terms"][metric]) for metric in task.metrics}, flush=True)
    return found


def control(name: str, seed: int, given: argparse.Namespace) -> dict[str, Any]:
    task = TASKS[name](given.data, seed)
    model, answers = untrained(task)
    return {"data": name, "model": model, "seed": seed, **measured(task, answers)}


def _ratio(terms: Sequence[Sequence[float]]) -> float:
    top, bottom = np.array(terms).sum(axis=1)
    return float(top / bottom)


def pooled(cells: Sequence[dict[str, Any]]) -> Evidence:
    """The cells of all seeds, added up by prompt."""
    prompts = sorted({at for one in cells for at in one["prompts"]})
    place = {at: row for row, at in enumerate(prompts)}
    found: dict[str, NDArray[Any]] = {name: np.zeros((2, len(prompts))) for name in cells[0]["terms"]}
    for one in cells:
        rows = [place[at] for at in one["prompts"]]
        for name, terms in one["terms"].items():
            found[name][:, rows] += terms
    return Evidence(tuple(prompts), {name: Terms(*sums) for name, sums in found.items()})


def rows_of(cells: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each model on each set, with intervals, and its difference to the first of them, paired."""
    rows = []
    for name in TASKS:
        models = list(dict.fromkeys(one["model"] for one in cells if one["data"] == name))
        of = {model: [one for one in cells if (one["data"], one["model"]) == (name, model)] for model in models}
        evidence = {model: pooled(own) for model, own in of.items()}
        for model, found in evidence.items():
            estimates = Bootstrap(np.arange(len(found.prompts))).estimates(dict(found.terms))
            differences = compare(found, evidence["embedded:minilm"])
            for metric, estimate in estimates.items():
                assert estimate is not None
                less = differences[metric]
                rows.append(
                    {
                        "data": name,
                        "model": model,
                        "metric": metric,
                        "prompts": len(found.prompts),
                        "value": estimate.value,
                        "low": estimate.low,
                        "high": estimate.high,
                        "less_minilm": [less.value, less.low, less.high],
                        "each_seed": [_ratio(one["terms"][metric]) for one in of[model]],
                        **{
                            key: [one[key] for one in of[model] if key in one] for key in ("seconds", "steps", "epochs")
                        },
                    }
                )
    return rows


def show(rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        less, low, high = row["less_minilm"]
        seeds = " ".join(f"{value:.3f}" for value in row["each_seed"])
        print(
            f"{row['data']:12} {row['metric']:15} {row['model']:17} {row['value']:.3f} [{row['low']:.3f}, "
            f"{row['high']:.3f}]  less MiniLM {less:+.3f} [{low:+.3f}, {high:+.3f}]  seeds {seeds}  "
            f"steps {row['steps']}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with alpaca_eval/, dsp/, lewidi/ and convarg/")
    parser.add_argument("--work", type=Path, required=True, help="folder for what is finished")
    parser.add_argument("--backbones", nargs="+", default=list(RATES), choices=RATES)
    parser.add_argument("--sets", nargs="+", default=list(TASKS), choices=TASKS)
    parser.add_argument("--seconds", type=float, default=100, help="of the processor, for each training")
    parser.add_argument("--groups-per-step", type=int, default=2)
    parser.add_argument("--max-length", type=int, default=256)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--finished", action="store_true", help="the table of what is finished; run nothing")
    given = parser.parse_args()

    import torch

    torch.set_num_threads(1)
    given.work.mkdir(parents=True, exist_ok=True)
    cells = [
        cell(name, backbone, seed, given)
        for seed in given.seeds
        for name in given.sets
        for backbone in given.backbones
        if not given.finished or place_of(name, backbone, seed, given).exists()
    ]
    cells += [control(name, seed, given) for name, seed in sorted({(one["data"], one["seed"]) for one in cells})]
    rows = rows_of(cells)
    kept = {key: value for key, value in vars(given).items() if key not in ("data", "work", "finished")}
    out = Path(__file__).parent / "results" / "backbones.json"
    out.write_text(json.dumps({"settings": kept, "rates": RATES, "rows": rows}, indent=1) + "\n")
    show(rows)


if __name__ == "__main__":
    main()
