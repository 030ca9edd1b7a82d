"""Accuracy and regret against the number of comparisons asked, by rule, on simulated people whose utility is known.

`python benchmarks/asking.py` takes seconds; intervals are of Student's t over the seeds.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.special import expit
from scipy.stats import t as student

from polypref import Comparison, Group
from polypref.collection import choose_pairs, make_pool
from polypref.collection.asking import RULES

ROUND = 40  # pairs asked at a time, before the next are chosen
PROMPTS, RESPONSES, WIDTH, STRENGTH = 150, 4, 24, 4.0


class World:
    """Prompts whose responses differ along few of the features, some directions much more common than others."""

    def __init__(self, seed: int, skewed: bool) -> None:
        rng = np.random.default_rng(seed)
        scale = 1 / np.arange(1, WIDTH + 1) if skewed else np.ones(WIDTH)
        scale /= np.sqrt(np.square(scale).sum())
        self.features = [rng.normal(size=(RESPONSES, WIDTH)) * scale for _ in range(PROMPTS)]
        self.test = rng.normal(size=(500, 8, WIDTH)) * scale
        taste = rng.normal(size=WIDTH) / (scale if skewed else 1)  # rare directions matter as much as common ones
        spread = (self.test @ taste).std()
        self.taste = STRENGTH / 2 * taste / spread
        self.rng = rng

    def vote(self, group: int, i: int, j: int) -> Comparison:
        share = expit((self.features[group][i] - self.features[group][j]) @ self.taste)
        return Comparison(i, j, float(self.rng.random() < share))

    def measure(self, weights: np.ndarray) -> tuple[float, float]:
        """Accuracy on pairs of unseen prompts, and how much true utility the best of 8 loses against the true best."""
        said, true = self.test @ weights, self.test @ self.taste
        accuracy = np.mean((said[:, 0] > said[:, 1]) == (true[:, 0] > true[:, 1]))
        return float(accuracy), float(np.mean(true.max(axis=1) - true[np.arange(len(true)), said.argmax(axis=1)]))


def curve(rule: str, seed: int, rounds: int, skewed: bool) -> list[tuple[float, float]]:
    """(accuracy, regret) after each round."""
    world = World(seed, skewed)
    said: list[list[Comparison]] = [[] for _ in range(PROMPTS)]
    found = []
    for number in range(rounds + 1):
        groups = [Group(str(at), list("abcd"), votes) for at, votes in enumerate(said)]
        pool = make_pool(groups, world.features)
        found.append(world.measure(pool.fit(1.0 / STRENGTH).weights))
        if number < rounds:
            for q in choose_pairs(pool, ROUND, rule, seed=1000 * seed + number, ridge=1.0 / STRENGTH):
                said[q.group].append(world.vote(q.group, q.i, q.j))
    return found


def interval(values: np.ndarray) -> str:
    half = student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.3f} ± {half:.3f}"


def needed(curve: np.ndarray, target: float) -> float:
    """Comparisons at which a curve of accuracies first reaches a target, between rounds by a straight line."""
    reached = np.flatnonzero(curve >= target)
    if not len(reached):
        return float("nan")
    at = int(reached[0])
    if at == 0:
        return 0.0
    return ROUND * (at - 1 + (target - curve[at - 1]) / (curve[at] - curve[at - 1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=12)
    options = parser.parse_args()
    for skewed in (False, True):
        print(f"{'skewed' if skewed else 'even'} features, {options.seeds} seeds")
        curves = {
            rule: np.array([curve(rule, seed, options.rounds, skewed) for seed in range(options.seeds)])
            for rule in RULES
        }
        for rule, found in curves.items():
            for at in (3, 6, options.rounds):
                accuracy, regret = found[:, at, 0], found[:, at, 1]
                print(f"  {rule:10} {ROUND * at:4} asked: accuracy {interval(accuracy)}, regret {interval(regret)}")
        means = {rule: found[:, :, 0].mean(axis=0) for rule, found in curves.items()}
        for at in (6, options.rounds):
            target = means["random"][at]
            for rule in RULES:
                share = needed(means[rule], target) / (ROUND * at)
                print(f"  {rule:10} needs {share:.0%} of random's {ROUND * at} for its accuracy of {target:.3f}")


if __name__ == "__main__":
    main()
