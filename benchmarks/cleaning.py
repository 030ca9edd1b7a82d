"""Flipped labels found, and accuracy regained by each policy, on simulated people whose utility is known.

`python benchmarks/cleaning.py` takes seconds; intervals are of Student's t over the seeds.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.special import expit
from scipy.stats import rankdata
from scipy.stats import t as student

from polypref import Comparison, Group
from polypref.collection import clean_groups, make_pool, suspect_labels
from polypref.collection.cleaning import POLICIES

WIDTH = 16


def people(count: int, flips: float, strength: float, seed: int):
    """Groups of two with a vote each, their features, which labels were flipped, and the taste."""
    rng = np.random.default_rng(seed)
    taste = rng.normal(size=WIDTH)
    taste *= strength / np.linalg.norm(taste)
    features = rng.normal(size=(count, 2, WIDTH))
    likes = rng.random(count) < expit((features[:, 0] - features[:, 1]) @ taste)
    flipped = rng.random(count) < flips
    labels = likes != flipped
    groups = [Group(f"q{at}", ["a", "b"], [Comparison(0, 1, float(label))]) for at, label in enumerate(labels)]
    return groups, list(features), flipped, taste


def accuracy(groups, features, taste) -> float:
    pool = make_pool(groups, features)
    weights = pool.fit(pool.likeliest_ridge()).weights
    seen = np.random.default_rng(12345).normal(size=(20_000, WIDTH))
    return float(np.mean((seen @ weights > 0) == (seen @ taste > 0)))


def area(score: np.ndarray, positive: np.ndarray) -> float:
    ranks, count = rankdata(score), positive.sum()
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (~positive).sum()))


def interval(values: list[float]) -> str:
    half = student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{np.mean(values):+.4f} ± {half:.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=600)
    options = parser.parse_args()
    for strength in (2.0, 4.0):
        for flips in (0.0, 0.2):
            areas, noise, doubted, base = [], [], [], []
            gains: dict[str, list[float]] = {policy: [] for policy in POLICIES if policy != "margin"}
            for seed in range(options.seeds):
                groups, features, flipped, taste = people(options.pairs, flips, strength, seed)
                found = suspect_labels(groups, features, seed=seed)
                noise.append(found.noise)
                doubted.append(len(found.of("flip")) / options.pairs)
                before = accuracy(groups, features, taste)
                base.append(before)
                if flips:
                    areas.append(area(np.array([doubt.flipped for doubt in found.pairs]), flipped))
                for policy, gained in gains.items():
                    cleaned, _ = clean_groups(groups, found, policy)
                    gained.append(accuracy(cleaned, features, taste) - before)
            print(f"strength {strength:g}, {flips:.0%} flipped: accuracy {np.mean(base):.3f} before")
            print(f"  noise rate {interval(noise)}, doubted {interval(doubted)}")
            if areas:
                print(f"  AUROC of flips {interval(areas)}")
            for policy, gained in gains.items():
                print(f"  {policy:7} changes accuracy by {interval(gained)}")


if __name__ == "__main__":
    main()
