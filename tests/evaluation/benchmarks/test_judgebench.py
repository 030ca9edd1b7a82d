"""JudgeBench's scores, by hand."""

from __future__ import annotations

import pytest
from tests.evaluation.benchmarks.cases import items, scored, values


def test_judgebench_by_hand(tmp_path):
    sources = ["mmlu-pro-law", "mmlu-pro-physics", "livebench-math", "livecodebench", "livebench-reasoning"]
    rows = [
        {
            "pair_id": f"p{k}",
            "source": source,
            "question": f"q{k}",
            "response_A": "x",
            "response_B": "y",
            "label": "A>B" if k % 2 else "B>A",
        }
        for k, source in enumerate(sources)
    ]
    found = scored("judgebench", items("judgebench", rows, tmp_path), [[0, 1], [0, 1], [1, 1], [2, 1], [3, 4]])
    # equal rewards say B>A, which is right of livebench-math
    assert values(found, "sections") == {"Knowledge": 0.5, "Math": 1.0, "Coding": 1.0, "Reasoning": 1.0}
    assert values(found, "overall")["score"] == pytest.approx(4 / 5)
    level = scored("judgebench", items("judgebench", rows, tmp_path), [[1, 1]] * 5)
    assert values(level, "overall")["score"] == pytest.approx(3 / 5)  # the share of B>A
