"""Every method, exactly, on 200 random games of 3 to 10 responses: how near it comes to its equilibrium."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from scipy.optimize import linprog, root
from scipy.special import expit, softmax

from polypref.alignment import all_methods, solve_table

SIZES = range(3, 11)
COMAL = {"step": 0.3, "every": 20}  # larger steps than the default, which is safe for every game
CYCLE = np.array([[0.0, 2, -1], [-2, 0, 3], [1, -3, 0]])
# β and steps: self-play needs small steps (a large β), as its average settles no nearer than a step allows
SETTINGS = {
    "comal": (0.1, 40_000),
    "egpo": (0.1, 1_000),
    "inpo": (0.1, 2_000),
    "mnpo": (0.1, 2_000),
    "online-ipo": (0.1, 2_000),
    "sppo": (10.0, 10_000),
    "gpo": (50.0, 10_000),
    "ln-gpo": (50.0, 10_000),
    "dsppo": (50.0, 10_000),
}


def random_games(count: int, size: int, seed: int) -> np.ndarray:
    """Log-odds [count, size, size] with normal entries of spread 1.5."""
    upper = np.triu(np.random.default_rng([seed, size]).normal(scale=1.5, size=(count, size, size)), 1)
    return upper - upper.swapaxes(-1, -2)


def by_linear_programme(game: np.ndarray) -> np.ndarray:
    """The equilibrium, by HiGHS."""
    size = len(game)
    solved = linprog(np.zeros(size), A_ub=game, b_ub=np.zeros(size), A_eq=np.ones((1, size)), b_eq=[1], method="highs")
    return solved.x


def by_least_squares(game: np.ndarray, beta: float) -> np.ndarray:
    """The regularised equilibrium with a uniform reference, by Levenberg and Marquardt."""
    return softmax(root(lambda z: z - game @ softmax(z) / beta, np.zeros(len(game)), method="lm", tol=1e-14).x)


def goal_of(name: str, scores: np.ndarray, beta: float) -> np.ndarray:
    method = all_methods()[name]
    game = scores if method.game == "log-odds" else expit(scores) - 0.5
    return by_least_squares(game, beta) if method.goal == "regularised equilibrium" else by_linear_programme(game)


def distances(name: str, games: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Total variation to the goal of the last policy and of the average, of each game."""
    beta, steps = SETTINGS[name]
    last, average = [], []
    for size in SIZES:
        scores = random_games(games // len(SIZES), size, seed)
        run = solve_table(name, scores=scores, beta=beta, steps=steps, **(COMAL if name == "comal" else {}))
        goals = np.array([goal_of(name, each, beta) for each in scores])
        last.extend(np.abs(run.policy - goals).sum(-1) / 2)
        average.extend(np.abs(run.average - goals).sum(-1) / 2)
    return np.array(last), np.array(average)


def measure(name: str, games: int, seed: int) -> dict[str, object]:
    """How far they are over all games."""
    start = time.perf_counter()
    last, average = distances(name, games, seed)
    return {
        "method": name,
        "goal": f"{all_methods()[name].goal}, {all_methods()[name].game}",
        "beta": SETTINGS[name][0],
        "steps": SETTINGS[name][1],
        "games": len(last),
        "last_median": float(np.median(last)),
        "last_within_1e-6": float(np.mean(last < 1e-6)),
        "last_worst": float(np.max(last)),
        "average_median": float(np.median(average)),
        "average_worst": float(np.max(average)),
        "seconds": round(time.perf_counter() - start, 1),
    }


def on_one_cycle(name: str) -> dict[str, object]:
    beta, steps = SETTINGS[name]
    run = solve_table(name, scores=CYCLE, beta=beta, steps=steps, **(COMAL if name == "comal" else {}))
    goal = goal_of(name, CYCLE, beta)
    return {
        "method": name,
        **{
            key: [round(float(p), 3) for p in value]
            for key, value in (("goal", goal), ("last", run.policy), ("average", run.average))
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--games", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "tables.json")
    arguments = parser.parse_args()
    rows = []
    print("| method | goal | β | steps | last: median | last: within 1e-6 | last: worst | average: median | worst |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in SETTINGS:
        row = measure(name, arguments.games, arguments.seed)
        rows.append(row)
        print(
            f"| `{name}` | {row['goal']} | {row['beta']:g} | {row['steps']:,} | {row['last_median']:.1e} | "
            f"{row['last_within_1e-6']:.0%} | {row['last_worst']:.1e} | {row['average_median']:.1e} | "
            f"{row['average_worst']:.1e} |",
            flush=True,
        )
    cycle = [on_one_cycle(name) for name in SETTINGS]
    print("\n| method | goal | last policy | average |\n|---|---|---|---|")
    for row in cycle:
        print(f"| `{row['method']}` | " + " | ".join(str(row[key])[1:-1] for key in ("goal", "last", "average")) + " |")
    print(f"\n{sum(float(str(row['seconds'])) for row in rows):.0f} seconds")
    arguments.out.write_text(json.dumps({"games": rows, "cycle": cycle}, indent=1) + "\n")


if __name__ == "__main__":
    main()
