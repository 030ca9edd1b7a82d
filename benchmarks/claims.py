"""Every quick claim of the project, measured again: one table with figure, interval, and whether it holds.

A claim names what it says, where it is from, a bound, and a function that gives one value for each seed or game. It
holds if the 95 % interval of their mean lies beyond the bound, does not hold if it lies before it, and is open if the
bound is within. To add one, add a line to CLAIMS.
"""

from __future__ import annotations

import argparse
import json
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import crowd_policies
import cyclic_share
import hybrid
import numpy as np
import seppo
import sign_estimator
import tables
from numpy.typing import NDArray
from scipy.stats import t

import people
from polypref.alignment import solve_table
from polypref.files import write_whole
from polypref.statistics.intervals import wilson

Values = NDArray[Any]  # [seeds], numbers or whether it was so


@dataclass(frozen=True)
class Claim:
    """What is claimed, and the values whose mean tells."""

    says: str
    source: str  # arXiv number, or the page of the docs that says so
    values: Callable[[], Values]
    at_least: float | None = None
    at_most: float | None = None

    def verdict(self, low: float, high: float) -> str:
        """Whether an interval lies beyond the bound."""
        if self.at_least is not None:
            return "holds" if low >= self.at_least else "does not hold" if high < self.at_least else "open"
        assert self.at_most is not None
        return "holds" if high <= self.at_most else "does not hold" if low > self.at_most else "open"

    @property
    def bound(self) -> str:
        return f"≥ {self.at_least:g}" if self.at_least is not None else f"≤ {self.at_most:g}"


def interval(values: Values) -> tuple[float, float, float]:
    """Mean and 95 % interval: Wilson's of a share, Student's of numbers."""
    mean = float(values.mean())
    if values.dtype == bool:
        return mean, *wilson(mean, len(values))
    half = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5)
    return mean, mean - half, mean + half


def reached(method: str, games: int = 80) -> Values:
    """Whether the last policy of each game is within 1e-6 of the goal."""
    return np.array(tables.distances(method, games, seed=1)[0] < 1e-6)


def circling(method: str, games: int = 40) -> Values:
    """How much farther from the goal the last policy is than the average, of each game."""
    last, average = tables.distances(method, games, seed=1)
    return last - average


def from_winners(steps: int, games: int = 10) -> Values:
    """How far SePPO is from the winners' distribution after some steps, of each game, in total variation."""
    found = []
    for size in tables.SIZES:
        scores = tables.random_games(games, size, seed=1)
        found.append(seppo.told(solve_table("seppo", scores=scores, beta=2.0, steps=steps).policy, scores)[2])
    return np.concatenate(found)


def pairs_right(head: str, seeds: int = 5) -> Values:
    """Share of a dominant answer's pairs above a cycle of 32 that come out right."""
    said = hybrid.crowned_cycle(32)
    return np.array([hybrid.share_right(hybrid.HEADS[head], said, 33, 400, seed)[1] for seed in range(seeds)])


def nearer_by_sign(votes: int, seeds: int = 10) -> Values:
    """Degrees by which the sign estimator is nearer to the mean taste than cross-entropy."""
    both = (sign_estimator.by_cross_entropy, sign_estimator.by_sign)
    off = np.array([[sign_estimator.off_by(one, votes, seed)[1] for seed in range(seeds)] for one in both])
    return off[0] - off[1]


def called_cyclic(shape: int, seeds: int = 100) -> Values:
    """Whether each drawn data set is called cyclic."""
    return np.array([cyclic_share.detected(cyclic_share.SHAPES[shape], seed) for seed in range(seeds)])


def served(better: str, than: str, what: str, seeds: int = 5) -> Values:
    """By how much one reward serves divided people better than another at a KL of 0.9, by true rewards."""
    settings = Namespace(
        groups=60, votes=20, guides=["true"], divergences=[0.9], frozen=True, epochs=1, learning_rate=0.0
    )
    found = []
    for seed in range(seeds):
        rows = {row["reward"]: row[what] for row in crowd_policies.measured("divided", seed, "", settings)}
        found.append(rows[better] - rows[than])
    return np.array(found)


def foretold(by: str, than: str, votes: int = 20, seeds: int = 3) -> Values:
    """Accuracy that a model of persons gains on three simulated camps."""
    return np.array([row[by] - row[than] for row in people.known_camps(seeds, (votes,))])


CLAIMS: Sequence[Claim] = (
    Claim("INPO's last policy reaches the regularised equilibrium", "2407.00617", partial(reached, "inpo"), 0.95),
    Claim("EGPO's last policy reaches it too", "2503.08942", partial(reached, "egpo"), 0.95),
    Claim("online IPO's last policy reaches it too", "2403.08635", partial(reached, "online-ipo"), 0.95),
    Claim("MNPO's last policy reaches it too", "2509.23102", partial(reached, "mnpo"), 0.95),
    Claim("SPPO's last policy reaches the equilibrium", "2405.00675", partial(reached, "sppo", 40), 0.95),
    Claim("SPPO's average is nearer than its last policy, by", "align.md", partial(circling, "sppo"), 0.01),
    Claim("GPO's average is nearer than its last policy, by", "align.md", partial(circling, "gpo"), 0.01),
    Claim("SePPO ends at the winners, off by", "2410.05255", partial(from_winners, 20), at_most=1e-3),
    Claim(
        "two blocks of GPM hold a dominant answer above a cycle", "2410.02197", partial(pairs_right, "general, 4"), 0.95
    ),
    Claim("one block of GPM holds it", "2605.17342", partial(pairs_right, "general, 2"), 0.95),
    Claim("one block beside a utility (HRC) holds it", "2605.17342", partial(pairs_right, "hybrid, 1 + 2"), 0.95),
    Claim(
        "100,000 votes: sign is nearer than cross-entropy, degrees", "2510.23965", partial(nearer_by_sign, 100_000), 0
    ),
    Claim("100 votes: the same", "2510.23965", partial(nearer_by_sign, 100, 20), 0),
    Claim("false alarms of cycles in Bradley–Terry votes", "benchmarks.md", partial(called_cyclic, 0), at_most=0.12),
    Claim("real cycles that are found", "benchmarks.md", partial(called_cyclic, 5, 50), 0.9),
    Claim(
        "expected label: mean label above Bradley–Terry's",
        "2402.09764",
        partial(served, "expected", "Bradley–Terry", "mean"),
        0,
    ),
    Claim(
        "tail: fewer badly served than by expected label",
        "align.md",
        partial(served, "tail", "expected", "bad"),
        at_most=0,
    ),
    Claim("clusters foretell votes better than one taste", "2405.00254", partial(foretold, "clusters", "anonymous"), 0),
    Claim(
        "tastes of low rank foretell better than one taste", "2504.14439", partial(foretold, "tastes", "anonymous"), 0
    ),
)


def measured(claim: Claim) -> dict[str, Any]:
    """One row of the table."""
    start = time.perf_counter()
    values = claim.values()
    mean, low, high = interval(values)
    return {
        "claim": claim.says,
        "source": claim.source,
        "bound": claim.bound,
        "figure": mean,
        "low": low,
        "high": high,
        "values": len(values),
        "verdict": claim.verdict(low, high),
        "seconds": round(time.perf_counter() - start, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="claims that contain it; the results are not written"
    )
    given = parser.parse_args()
    rows = []
    print(
        "| claim | source | bound | figure | 95 % interval | n | verdict | seconds |\n|---|---|---|---|---|---|---|---|"
    )
    for claim in CLAIMS:
        if given.only.lower() in claim.says.lower():
            row = measured(claim)
            rows.append(row)
            print(
                f"| {row['claim']} | {row['source']} | {row['bound']} | {row['figure']:.3g} | {row['low']:.3g} to "
                f"{row['high']:.3g} | {row['values']} | {row['verdict']} | {row['seconds']:.0f} |",
                flush=True,
            )
    if not given.only:
        out = Path(__file__).parent / "results" / "claims.json"
        write_whole(out, json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
