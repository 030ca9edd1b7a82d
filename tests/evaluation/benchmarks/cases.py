"""The items of benchmarks that their tests share."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from polypref import Group
from polypref.evaluation.benchmarks import find_benchmark
from polypref.evaluation.benchmarks.base import Judged, judge, read_items
from polypref.evaluation.prediction import Prediction

SHARED = Path(os.environ.get("POLYPREF_DATA", "no-such-folder"))  # real data, where they are at hand


def items(name: str, rows: list[dict], folder: Path, file: str = "items.jsonl") -> list[Group]:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_items(find_benchmark(name), path)


def scored(name: str, groups: list[Group], rewards: list[list[float]], resamples: int = 20) -> Judged:
    predicted = [(group, Prediction(utilities=np.array(u, dtype=float))) for group, u in zip(groups, rewards)]
    return judge(find_benchmark(name), predicted, resamples=resamples)


def values(judged: Judged, level: str) -> dict[str, float]:
    return {name: one.value for name, one in judged.scores[level].items()}


# — RewardBench —


def rewardbench_row(subset: str, k: int = 0) -> dict:
    return {"prompt": f"{subset} {k}", "chosen": "good", "rejected": "bad", "subset": subset, "id": k}


# — RewardBench 2 —


def best_of_four(subset: str, k: int) -> dict:
    return {"prompt": f"{subset} {k}", "chosen": ["a"], "rejected": ["b", "c", "d"], "subset": subset, "id": str(k)}
