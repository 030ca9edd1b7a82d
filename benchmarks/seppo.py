"""What can be learned from winners alone? SePPO beside fine-tuning on the winners and DPO, exactly, on random games.

Winners are those of two samples of the uniform reference; DPO is told the losers too. Told are the mean win rate
against the reference, the KL to it, and the total variation to the winners, with 95 % intervals over games.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from hybrid import interval
from scipy.special import expit
from tables import SIZES, random_games

from polypref.alignment import solve_table

GAMES = 25  # of each size
RUNS = {  # name → method, β, steps
    "SePPO, β = 2, 1 step": ("seppo", 2.0, 1),
    "SePPO, β = 2, 3 steps": ("seppo", 2.0, 3),
    "SePPO, β = 2, 10 steps": ("seppo", 2.0, 10),
    "DPO, β = 2": ("dpo", 2.0, 1),
    "DPO, β = 1": ("dpo", 1.0, 1),
    "DPO, β = 0.5": ("dpo", 0.5, 1),
}


def told(policy: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Win rate against the reference, KL to it, and total variation to the winners [3, games]."""
    wins = expit(scores).mean(-1)
    winners = 2 * wins / scores.shape[-1]
    divergence = (policy * np.log(policy * scores.shape[-1])).sum(-1)
    return np.stack([(policy * wins).sum(-1), divergence, np.abs(policy - winners).sum(-1) / 2])


def main() -> None:
    found: dict[str, list[np.ndarray]] = {}
    for size in SIZES:
        scores = random_games(GAMES, size, seed=0)
        found.setdefault("fine-tuning on the winners", []).append(told(2 * expit(scores).mean(-1) / size, scores))
        for name, (method, beta, steps) in RUNS.items():
            policy = solve_table(method, scores=scores, beta=beta, steps=steps).policy
            found.setdefault(name, []).append(told(policy, scores))
    print("| policy | wins against the reference | KL | from the winners |\n|---|---|---|---|")
    rows = {}
    for name, parts in found.items():
        values = np.concatenate(parts, axis=1)
        rows[name] = dict(zip(("wins", "divergence", "from_winners"), values.tolist()))
        print(f"| {name} | " + " | ".join(interval(each) for each in values) + " |")
    (Path(__file__).parent / "results" / "seppo.json").write_text(json.dumps(rows) + "\n")


if __name__ == "__main__":
    main()
