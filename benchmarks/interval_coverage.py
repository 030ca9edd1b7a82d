"""How often 95 % intervals contain the truth, and how often a comparison of equal models calls them different.

Prompts differ in how hard they are and in how many pairs they have, and each run draws new prompts, predictions and
votes: the true values are those of the population that prompts come from.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from polypref.evaluation import metrics
from polypref.evaluation.metrics import JudgedPairs
from polypref.evaluation.pairwise import auc
from polypref.statistics.comparing import Evidence, compare
from polypref.statistics.resampling import Bootstrap, Terms


class Shape(NamedTuple):
    """How much is judged: 1 to 2·pairs − 1 pairs of a prompt, each with this many votes."""

    prompts: int
    pairs: int
    votes: int

    def __str__(self) -> str:
        return f"{self.prompts} prompts, {self.pairs} pairs each, {self.votes} votes a pair"


SHAPES = [Shape(50, 1, 1), Shape(100, 1, 1), Shape(100, 4, 1), Shape(300, 1, 5), Shape(300, 4, 3), Shape(1000, 2, 1)]
METRICS = ("accuracy", "vote accuracy", "log loss", "Brier", "AUC", "difference")
_POPULATION = 300_000  # prompts of which the truth is computed


def drawn(shape: Shape, prompts: int, rng: np.random.Generator) -> tuple[JudgedPairs, JudgedPairs]:
    """What two models of equal skill predict for the pairs of some prompts, and how the votes on these fall."""
    prompt = np.repeat(np.arange(prompts), rng.integers(1, 2 * shape.pairs, prompts))
    clear = rng.gamma(2.0, 0.7, prompts)[prompt]  # how clear the answer is, alike for the pairs of a prompt
    odds = clear * rng.choice([-1.0, 1.0], len(prompt))
    share = rng.binomial(shape.votes, 1 / (1 + np.exp(-odds))) / shape.votes
    votes = np.full(len(prompt), float(shape.votes))
    one, other = (
        JudgedPairs(1 / (1 + np.exp(-(odds + rng.normal(0, 1.2, len(odds))))) - 0.5, share, votes, prompt)
        for _ in range(2)
    )
    return one, other


def terms(pairs: JudgedPairs) -> dict[str, Terms]:
    """The metrics that are ratios of sums."""
    return {
        "accuracy": metrics.accuracy(pairs),
        "vote accuracy": metrics.vote_accuracy(pairs),
        "log loss": metrics.log_loss(pairs),
        "Brier": metrics.brier(pairs),
    }


def truth(shape: Shape) -> dict[str, float]:
    """The metrics of the whole population."""
    pairs, _ = drawn(shape, _POPULATION, np.random.default_rng(0))
    found = {name: one.ratio() for name, one in terms(pairs).items()}
    area = auc(pairs, Bootstrap(np.zeros(len(pairs), np.int64)))
    assert area is not None
    return {**{name: value for name, value in found.items() if value is not None}, "AUC": area.value, "difference": 0.0}


def outcome(shape: Shape, true: dict[str, float], seed: int) -> list[bool]:
    """Whether each interval contains the truth, and whether two equal models are called different (p ≤ 0.05)."""
    one, other = drawn(shape, shape.prompts, np.random.default_rng([seed, *shape]))
    bootstrap = Bootstrap(one.prompt, seed=seed)
    found = bootstrap.estimates(terms(one))
    found["AUC"] = auc(one, bootstrap)
    evidence = [
        Evidence(
            tuple(range(shape.prompts)),
            {"accuracy": Terms(*(np.bincount(pairs.prompt, part, shape.prompts) for part in metrics.accuracy(pairs)))},
        )
        for pairs in (one, other)
    ]
    difference = compare(*evidence, seed=seed, flips=999)["accuracy"]
    intervals = [*((found[name].low, found[name].high) for name in METRICS[:-1]), (difference.low, difference.high)]
    held = [low <= true[name] <= high for name, (low, high) in zip(METRICS, intervals)]
    return [*held, difference.p <= 0.05]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=None)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "interval_coverage.json")
    options = parser.parse_args()
    rows = []
    print(f"{'':44}" + "".join(f"{name:>15}" for name in (*METRICS, "p ≤ 0.05")))
    with ProcessPoolExecutor(options.processes) as pool:
        for shape in SHAPES:
            true = truth(shape)
            outcomes = pool.map(partial(outcome, shape, true), range(options.runs), chunksize=25)
            shares = np.mean(list(outcomes), axis=0)
            named = dict(zip((*METRICS, "false alarms"), map(float, shares)))
            rows.append({**shape._asdict(), "runs": options.runs, "truth": true, "covered": named})
            print(f"{shape!s:44}" + "".join(f"{share:15.1%}" for share in shares), flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
