"""The mean utility of people who differ, from votes: cross-entropy against the sign estimator.

Utilities are linear in two features; tastes are spread symmetrically about (1, 1), with heavy tails along the first
feature. The angle to the true mean taste, and the share of new pairs on whose majority an estimate is wrong.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.special import expit
from scipy.stats import t

MEAN, SPREAD, FREEDOM = np.array([1.0, 1.0]), 4.0, 1.5
DIRECTIONS = np.radians(np.arange(-90, 180, 0.25))


def votes(pairs: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Differences of features [n, 2], and for each the vote of somebody new."""
    x = rng.normal(size=(pairs, 2))
    tastes = MEAN + np.stack([SPREAD * rng.standard_t(FREEDOM, pairs), np.zeros(pairs)], axis=1)
    return x, (rng.random(pairs) < expit((x * tastes).sum(1))).astype(float)


def by_cross_entropy(x: np.ndarray, y: np.ndarray) -> float:
    """The angle of the likeliest taste, by Newton's method."""
    w = np.zeros(2)
    for _ in range(50):
        p = expit(x @ w)
        step = np.linalg.solve((x.T * (p * (1 - p))) @ x + 1e-9 * np.eye(2), x.T @ (y - p))
        w += step
        if np.abs(step).max() < 1e-10:
            break
    return float(np.arctan2(w[1], w[0]))


def by_sign(x: np.ndarray, y: np.ndarray) -> float:
    """The angle of the taste that predicts most votes: the 0–1 loss, of all directions."""
    way = np.stack([np.cos(DIRECTIONS), np.sin(DIRECTIONS)])
    right = np.zeros(len(DIRECTIONS))
    for part in np.array_split(np.arange(len(x)), max(len(x) // 5000, 1)):
        right += ((x[part] @ way > 0) == (y[part, None] > 0.5)).sum(0)
    return float(np.median(DIRECTIONS[right == right.max()]))


def wrong_majorities(angle: float, x: np.ndarray) -> float:
    """The majority of a symmetric population sides with its mean."""
    way = np.array([np.cos(angle), np.sin(angle)])
    return float(((x @ way > 0) != (x @ MEAN > 0)).mean())


def off_by(estimate: Callable[[np.ndarray, np.ndarray], float], pairs: int, seed: int) -> tuple[float, float]:
    """The estimated angle, and how many degrees it is from the mean taste."""
    angle = estimate(*votes(pairs, np.random.default_rng([seed, pairs])))
    return angle, float(np.degrees(abs(angle - np.arctan2(MEAN[1], MEAN[0]))))


def interval(values: np.ndarray) -> str:
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.3f} ± {half:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--comparisons", type=int, nargs="+", default=[100, 1000, 10_000, 100_000])
    parser.add_argument("--seeds", type=int, default=20)
    given = parser.parse_args()
    asked = np.random.default_rng(12345).normal(size=(20_000, 2))
    rows = []
    print(f"{'votes':>7} {'estimator':14} {'angle, degrees':>16} {'wrong majorities':>17}")
    for pairs in given.comparisons:
        for name, estimate in (("cross-entropy", by_cross_entropy), ("sign", by_sign)):
            angles, off = np.array([off_by(estimate, pairs, seed) for seed in range(given.seeds)]).T
            wrong = np.array([wrong_majorities(angle, asked) for angle in angles])
            rows.append({"comparisons": pairs, "estimator": name, "angle": off.tolist(), "wrong": wrong.tolist()})
            print(f"{pairs:7} {name:14} {interval(off):>16} {interval(wrong):>17}", flush=True)
    (Path(__file__).parent / "results" / "sign_estimator.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
