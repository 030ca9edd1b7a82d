"""A dominant answer above a cycle of K: how many pairs do heads of equal width get right, on free states?

Response 0 beats all others; of these each beats the half that follows it in a circle. The states are parameters that
descend the heads' own objective from small random ones, so that what is measured is what a head can hold, and whether
descent finds it, not what a backbone sees. `scalar` has width 1, and cannot be wider.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from scipy.stats import t

from polypref import Comparison, Group
from polypref.models.heads import Head, make_head
from polypref.objectives import Judgments, collate, default_objective, group_judgments

HEADS = {
    "scalar": make_head("scalar"),
    "general, 2": make_head("general", dim=2),
    "general, 2, normalised": make_head("general", dim=2, normalize=True),
    "general, 4": make_head("general", dim=4),
    "general, 4, normalised": make_head("general", dim=4, normalize=True),
    "hybrid, 1 + 2": make_head("hybrid", dim=2),
    "hybrid, 1 + 4": make_head("hybrid", dim=4),
}


def crowned_cycle(length: int) -> Judgments:
    """The judgments of 1 + length responses; in an even circle, opposite ones are not compared."""
    pairs = [Comparison(0, 1 + i) for i in range(length)]
    pairs += [Comparison(1 + i, 1 + (i + step) % length) for i in range(length) for step in range(1, (length + 1) // 2)]
    group = Group("p", [str(i) for i in range(1 + length)], pairs)
    return collate([group_judgments(group)], [1 + length])


def share_right(head: Head, said: Judgments, responses: int, steps: int, seed: int) -> tuple[float, float]:
    """Of all pairs, and of those with the dominant response."""
    generator = torch.Generator().manual_seed(seed)
    states = torch.nn.Parameter(0.1 * torch.randn(responses, head.width, generator=generator))
    descent, objective = torch.optim.Adam([states], lr=0.1), default_objective(head.name)
    for _ in range(steps):
        descent.zero_grad()
        objective.losses(head, states, said)[0].mean().backward()
        descent.step()
    right = ((said.log_odds(head, states.detach()) > 0) == (said.share > 0.5)).double()
    return float(right.mean()), float(right[said.first == 0].mean())


def interval(values: np.ndarray) -> str:
    """Mean and 95 % interval over seeds."""
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.3f} ± {half:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lengths", type=int, nargs="+", default=[4, 8, 16, 32])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=400)
    given = parser.parse_args()
    rows = []
    print(f"{'K':>3} {'head':24} {'pairs right':>15} {'with the dominant':>18}")
    for length in given.lengths:
        said = crowned_cycle(length)
        for name, head in HEADS.items():
            runs = range(given.seeds)
            found = np.array([share_right(head, said, 1 + length, given.steps, seed) for seed in runs])
            right, dominant = found.T.tolist()
            rows.append({"length": length, "head": name, "right": right, "dominant": dominant})
            print(f"{length:3} {name:24} {interval(found[:, 0]):>15} {interval(found[:, 1]):>18}", flush=True)
    (Path(__file__).parent / "results" / "hybrid.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
