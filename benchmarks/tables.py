"""Every method run exactly on random skew games: how far it ends from the equilibrium that it looks for.

200 games of K = 3…10 responses with log-odds N(0, 1)·√2 and random references. Equilibria come from solvers that no
method uses (least squares over the dual, Newton's method). `python benchmarks/tables.py`.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from polypref.alignment import solve_table

RUNS: dict[str, dict[str, Any]] = {
    "inpo": {"eta": 2.0, "tau": 0.2},
    "mnpo": {"eta": 4.0, "tau": 0.2},
    "online-ipo": {"beta": 0.2, "step_size": 0.02},
    "egpo": {"beta": 0.2, "step_size": 0.1},
    "comal": {"eta": 3.0, "tau": 0.1, "period": 50},
    "sppo": {"beta": 10.0},
    "gpo": {"beta": 40.0},
    "dsppo": {"beta": 40.0},
}
CYCLE = np.array([[0.0, 2.0, -1.0], [-2.0, 0.0, 3.0], [1.0, -3.0, 0.0]])
PRIOR = np.array([0.6, 0.3, 0.1])


def games(count: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Log-odds and references."""
    made = []
    for at in range(count):
        rng = np.random.default_rng([seed, at])
        k = 3 + at % 8
        scores = rng.normal(size=(k, k))
        made.append((scores - scores.T, rng.dirichlet(np.full(k, 2.0)) * 0.9 + 0.1 / k))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--games", type=int, default=200)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/tables.json"))
    arguments = parser.parse_args()
    found: dict[str, Any] = {"games": arguments.games, "steps": arguments.steps}
    print("| method | settings | last: median | last: worst | average: median | average: worst | seconds |")
    print("|---|---|---|---|---|---|---|")
    for method, settings in RUNS.items():
        began = time.perf_counter()
        runs = [
            solve_table(method, scores, reference=reference, steps=arguments.steps, **settings)
            for scores, reference in games(arguments.games, arguments.seed)
        ]
        seconds = time.perf_counter() - began
        last, average = ([getattr(run, name) for run in runs] for name in ("distance", "average_distance"))
        numbers = [np.median(last), np.max(last), np.median(average), np.max(average)]
        found[method] = {"settings": settings, "last": last, "average": average, "seconds": seconds}
        shown = ", ".join(f"{name} {value:g}" for name, value in settings.items())
        print(
            f"| `{method}` | {shown} | " + " | ".join(f"{x:.1e}" for x in numbers) + f" | {seconds:.0f} |", flush=True
        )
    print(
        "\nOne cyclic game, from (.6, .3, .1):\n\n| method | last iterate | average | equilibrium |\n|---|---|---|---|"
    )
    more = {**RUNS, "ipo": {"beta": 0.2}, "dpo": {"beta": 0.2}}
    found["cycle"] = {}
    for method, settings in more.items():
        run = solve_table(method, CYCLE, reference=PRIOR, steps=arguments.steps, **settings)
        rows = [run.policy, run.average, run.equilibrium]
        found["cycle"][method] = [None if row is None else row.tolist() for row in rows]
        cells = ["none" if row is None else "(" + ", ".join(f"{x:.3f}" for x in row) + ")" for row in rows]
        print(f"| `{method}` | " + " | ".join(cells) + " |")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
