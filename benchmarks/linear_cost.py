"""Time to get the K×K preferences of one group, for K responses: a head that encodes once, beside the pair head.

Draws docs/images/linear_cost.png.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np

from polypref import Group, PreferenceModel

WORDS = (
    "water light bread garden engine letter route bank paint window winter budget doctor recipe ticket paper".split()
)


def group(size: int, words: int, seed: int) -> Group:
    rng = np.random.default_rng(seed)
    responses = tuple(f"{at}: {' '.join(rng.choice(WORDS, words))}" for at in range(size))
    return Group("What would you take along, and why?", responses)


def seconds(model: PreferenceModel, asked: Group, repeats: int) -> float:
    """Median time of one matrix."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        model.preferences(asked)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def draw(rows: list[dict[str, float]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for name, colour in (("general", "#0072b2"), ("pair", "#d55e00")):
        known = [(row["K"], row[name]) for row in rows if name in row]
        axes.loglog(*zip(*known), "o-", color=colour)
        axes.annotate(f"{name} head", known[-1], xytext=(-6, 8), textcoords="offset points", ha="right", color=colour)
    axes.set_xlabel("responses to the prompt, K")
    axes.set_ylabel("seconds for the K×K matrix")
    axes.set_xticks([row["K"] for row in rows], [f"{row['K']:.0f}" for row in rows])
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[2, 4, 8, 16, 32, 64, 128])
    parser.add_argument("--pair-up-to", type=int, default=128)
    parser.add_argument("--words", type=int, default=15)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--backbone", default="embedded:minilm")
    given = parser.parse_args()
    models = {head: PreferenceModel.from_backbone(given.backbone, head) for head in ("general", "pair")}
    rows: list[dict[str, float]] = []
    print(f"{'K':>4} {'general s':>10} {'pair s':>10}")
    for size in given.sizes:
        asked = group(size, given.words, seed=size)
        row: dict[str, float] = {"K": size}
        for head, model in models.items():
            if head == "general" or size <= given.pair_up_to:
                repeats = given.repeats if head == "general" or size <= 32 else 1
                row[head] = seconds(model, asked, repeats)
        rows.append(row)
        print(f"{size:4} {row['general']:10.3f} {row.get('pair', float('nan')):10.3f}", flush=True)
    root = Path(__file__).parent
    (root / "results" / "linear_cost.json").write_text(json.dumps(rows, indent=1) + "\n")
    draw(rows, root.parent / "docs" / "images" / "linear_cost.png")


if __name__ == "__main__":
    main()
