"""What all benchmarks share: names, items, intervals and differences."""

from __future__ import annotations

import numpy as np
import pytest
from tests.evaluation.benchmarks.cases import items, rewardbench_row, scored

from polypref import DataError
from polypref.evaluation.benchmarks import all_benchmarks, find_benchmark
from polypref.evaluation.benchmarks.base import compare_judged


def test_every_benchmark_is_found_by_its_name():
    assert list(all_benchmarks()) == ["judgebench", "lewidi", "llmbar", "rewardbench", "rewardbench2", "rm-bench"]
    with pytest.raises(DataError, match="unknown benchmark 'rewardbnech'; known are judgebench"):
        find_benchmark("rewardbnech")


def test_a_subset_has_the_interval_of_its_own_prompts(tmp_path):
    """With 4 prompts the levels are wide, however many prompts other subsets have."""
    few = items("rewardbench", [rewardbench_row("hep-go", k) for k in range(4)], tmp_path)
    many = items("rewardbench", [rewardbench_row("donotanswer", k) for k in range(80)], tmp_path)
    won = [[1, 0], [0, 1], [1, 0], [1, 0]] + [[k % 3, 1] for k in range(80)]
    together = scored("rewardbench", few + many, won, 2000).scores["subsets"]["hep-go"]
    alone = scored("rewardbench", few, won[:4], 2000).scores["subsets"]["hep-go"]
    assert (together.low, together.high) == pytest.approx((alone.low, alone.high), abs=0.26)
    assert together.low == alone.low == 0  # 1 of 256 resamples: the levels of 84 prompts would leave it out
    one = scored("rewardbench", few[:1] + many, won[:1] + won[4:], 50).scores["subsets"]["hep-go"]
    assert (one.low, one.high) == (None, None)  # nothing to resample


def test_unanimity_is_not_certainty(tmp_path):
    rows = [rewardbench_row(subset, k) for subset, n in (("hep-go", 20), ("donotanswer", 20)) for k in range(n)]
    groups = items("rewardbench", rows, tmp_path)
    won = [[1, 0]] * 20 + [[0, 1]] * 20
    subsets = scored("rewardbench", groups, won).scores["subsets"]
    edge = 1.959964**2 / (20 + 1.959964**2)  # Wilson's interval of 20 of 20
    assert (subsets["hep-go"].low, subsets["hep-go"].high) == pytest.approx((1 - edge, 1))
    assert (subsets["donotanswer"].low, subsets["donotanswer"].high) == pytest.approx((0, edge))
    score = scored("rewardbench", groups, [[1, 0]] * 40).scores["overall"]["score"]  # two sections of equal weight
    assert score.low == pytest.approx(40 / (40 + 1.959964**2))
    uneven = scored("rewardbench", groups[:30], [[1, 0]] * 30).scores["overall"]["score"]
    votes = 1 / (20 / 40**2 + 10 / 20**2)  # prompts weigh 1/40 and 1/20
    assert uneven.low == pytest.approx(votes / (votes + 1.959964**2))


def test_intervals_and_differences_are_paired(tmp_path):
    rng = np.random.default_rng(0)
    rows = [rewardbench_row(subset, k) for subset in ("hep-go", "donotanswer") for k in range(60)]
    groups = items("rewardbench", rows, tmp_path)
    good = [[rng.random() + 0.5, rng.random()] for _ in groups]
    bad = [[first - 0.4, second] for first, second in good]
    one, other = scored("rewardbench", groups, good, 200), scored("rewardbench", groups, bad, 200)
    score = one.scores["overall"]["score"]
    assert score.low < score.value < score.high
    found = compare_judged(find_benchmark("rewardbench"), one, other, resamples=200)["overall"]["score"]
    assert found.value == pytest.approx(score.value - other.scores["overall"]["score"].value)
    assert 0 < found.low < found.value < found.high
    assert found.p < 0.01
    same = compare_judged(find_benchmark("rewardbench"), one, one, resamples=50)["overall"]["score"]
    assert (same.value, same.low, same.high, same.p) == (0.0, 0.0, 0.0, 1.0)
