"""Cycles on held-out prompts: how many comparisons do a general and a scalar head get right, trained alike?

Simulated: three styles that beat each other in a circle, judged against the true majority of the population. Real text:
of three answers to a prompt of AlpacaEval, short ≻ long ≻ medium ≻ short (needs --alpaca).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from polypref import Comparison, Group, TrainingConfig, load_groups, simulate, split_groups, train
from polypref.evaluation.assessment import assess


def by_length(group: Group) -> Group | None:
    """Short ≻ long ≻ medium ≻ short, of a short, a middling and a long answer that clearly differ in length."""
    order = sorted(range(len(group)), key=lambda at: len(group.responses[at]))
    texts = [group.responses[order[at]] for at in (len(order) // 10, len(order) // 2, -1 - len(order) // 10)]
    short, medium, long = (len(text) for text in texts)
    if not (1.5 * short <= medium and 1.5 * medium <= long <= 2000):
        return None
    return Group(group.prompt, tuple(texts), (Comparison(0, 2), Comparison(2, 1), Comparison(1, 0)), id=group.id)


def accuracy(head: str, known: Sequence[Group], asked: Sequence[Group], settings: dict[str, Any]) -> dict[str, Any]:
    """Accuracy on held-out prompts: against the truth where there is one, else against the votes."""
    with tempfile.TemporaryDirectory() as folder:
        config = TrainingConfig(head=head, out=f"{folder}/out", trainer={"save_strategy": "no"}, **settings)
        model = train(config, known, []).model
    found = assess(model.encode(asked))
    scores = found.truth or found.pairwise
    assert scores is not None
    assert scores.accuracy is not None
    return {"accuracy": scores.accuracy.value, "low": scores.accuracy.low, "high": scores.accuracy.high}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=int, default=500)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--learning-rate", type=float, default=2e-4)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--alpaca", type=Path, help="folder with pairs.train and pairs.dev of AlpacaEval")
    parser.add_argument("--backbone", default="embedded:minilm")
    given = parser.parse_args()
    sets: dict[str, tuple[list[Group], list[Group]]] = {}
    parts = split_groups(simulate("cyclic", groups=given.groups), {"train": 0.8, "dev": 0.2})
    sets["simulated styles"] = (parts["train"], parts["dev"])
    if given.alpaca:
        files = [load_groups(f"{given.alpaca}/pairs.{part}.jsonl.gz", skip_bad=True) for part in ("train", "dev")]
        known, asked = ([made for group in file if (made := by_length(group))] for file in files)
        sets["answers by length"] = (known, asked)
    rows = []
    print(f"{'data':20} {'head':8} {'seed':>4} {'accuracy':>9}")
    for name, (known, asked) in sets.items():
        for seed in range(given.seeds):
            for head in ("scalar", "general"):
                settings = {"epochs": given.epochs, "learning_rate": given.learning_rate, "batch_size": 8, "seed": seed}
                found = accuracy(head, known, asked, {**settings, "max_length": 512, "backbone": given.backbone})
                rows.append({"data": name, "head": head, "seed": seed, "train": len(known), "dev": len(asked), **found})
                low, high = found["low"], found["high"]
                print(f"{name:20} {head:8} {seed:4} {found['accuracy']:9.3f} [{low:.3f}, {high:.3f}]", flush=True)
    (Path(__file__).parent / "results" / "cycles.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
