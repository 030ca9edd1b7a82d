"""RM-Bench's scores, by hand."""

from __future__ import annotations

import pytest
from tests.evaluation.benchmarks.cases import items, scored, values


def test_rm_bench_by_hand(tmp_path):
    row = {"prompt": "q", "chosen": list("abc"), "rejected": list("def"), "domain": "chat"}
    found = scored("rm-bench", items("rm-bench", [row], tmp_path), [[1, 2, 3, 0, 2, 9]])
    # 1 > 0; 2 > 0, 2 = 2; 3 > 0, 3 > 2: hard 0 of 3, normal 1 of 3, easy 3 of 3
    assert values(found, "sections") == pytest.approx({"hard": 0.0, "normal": 1 / 3, "easy": 1.0})
