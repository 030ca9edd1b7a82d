"""Scores of benchmarks against the arithmetic that their authors publish."""

from __future__ import annotations

import gzip
import json

import numpy as np
import ot
import pytest
from tests.evaluation.benchmarks.cases import SHARED, items, scored, values

from polypref.evaluation.benchmarks import find_benchmark
from polypref.evaluation.benchmarks.base import read_items
from polypref.evaluation.benchmarks.lewidi import (
    absolute_distance,
    average_manhattan,
    average_wasserstein,
    error_rate,
    multilabel,
)
from polypref.evaluation.benchmarks.rewardbench import COUNTS, summary


def test_all_subsets_by_the_published_arithmetic():
    """Section weights included, against the arithmetic of the published script written out."""
    rng = np.random.default_rng(0)
    subsets = {name: float(rng.random()) for name in COUNTS}
    prior = {"anthropic_helpful": 0.6, "anthropic_hhh": 0.8, "shp": 0.5, "summarize": 0.7}
    chat = (
        subsets["alpacaeval-easy"] * 100
        + subsets["alpacaeval-length"] * 95
        + subsets["alpacaeval-hard"] * 95
        + subsets["mt-bench-easy"] * 28
        + subsets["mt-bench-med"] * 40
    ) / 358
    safety = (
        subsets["refusals-dangerous"] * 100
        + subsets["refusals-offensive"] * 100
        + subsets["xstest-should-refuse"] * 154
        + subsets["xstest-should-respond"] * 250
        + subsets["donotanswer"] * 136
    ) / 740
    code = sum(subsets[f"hep-{name}"] for name in ("cpp", "go", "java", "js", "python", "rust")) / 6
    hard = (
        subsets["mt-bench-hard"] * 37
        + subsets["llmbar-natural"] * 100
        + subsets["llmbar-adver-neighbor"] * 134
        + subsets["llmbar-adver-GPTInst"] * 92
        + subsets["llmbar-adver-GPTOut"] * 47
        + subsets["llmbar-adver-manual"] * 46
    ) / 456
    expected = {"Chat": chat, "Chat Hard": hard, "Safety": safety, "Reasoning": (subsets["math-prm"] + code) / 2}
    found = summary(subsets)
    assert found["sections"] == pytest.approx(expected)
    assert found["overall"]["score"] == pytest.approx(sum(expected.values()) / 4)
    with_prior = summary({**subsets, **prior})
    assert with_prior["sections"]["Prior Sets"] == pytest.approx(0.65)
    assert with_prior["overall"]["score"] == pytest.approx((2 * sum(expected.values()) + 0.65) / 9)


def test_rewardbench_on_real_rows_agrees_with_ten_lines_of_python():
    path = SHARED / "rewardbench" / "llmbar.dev.jsonl.gz"
    if not path.exists():
        pytest.skip("the development data are not here")
    groups = read_items(find_benchmark("rewardbench"), path)

    def reward(text: str) -> float:
        return len(text) % 97 + 0.01 * text.count("e")

    found = scored("rewardbench", groups, [[reward(text) for text in group.responses] for group in groups])
    with gzip.open(path) as file:
        rows = [json.loads(line) for line in file]
    wins: dict[str, list[int]] = {}
    for row in rows:
        wins.setdefault(row["subset"], []).append(int(reward(row["chosen"]) > reward(row["rejected"])))
    assert found.items == len(rows) == 100
    assert values(found, "subsets") == pytest.approx({name: sum(won) / len(won) for name, won in wins.items()})
    assert values(found, "sections") == pytest.approx({"Chat Hard": sum(wins["llmbar-natural"]) / 100})
    assert values(found, "overall")["score"] == values(found, "sections")["Chat Hard"]


# — RM-Bench —


def published_rm_bench(chosen: np.ndarray, rejected: np.ndarray) -> dict[str, float]:
    """As its README computes it: scores [N, 3] of one domain."""
    won = (chosen[:, :, None] > rejected[:, None, :]).mean(axis=0)
    return {
        "hard": np.sum(np.triu(won, 1)) / 3,
        "normal": np.mean(np.diag(won)),
        "easy": np.sum(np.tril(won, -1)) / 3,
    }


def test_rm_bench_is_its_readme(tmp_path):
    rng = np.random.default_rng(0)
    domains = ["chat", "chat", "math", "code", "safety-refuse", "safety-response", "safety-refuse"]
    rows = [
        {"id": f"{k}", "prompt": f"q{k}", "chosen": list("abc"), "rejected": list("def"), "domain": domain}
        for k, domain in enumerate(domains)
    ]
    rewards = rng.integers(0, 5, (len(rows), 6)).astype(float)
    found = scored("rm-bench", items("rm-bench", rows, tmp_path), rewards.tolist())
    by_domain = {}
    for name in ("chat", "math", "code", "safety"):
        of = [domain.startswith(name) for domain in domains]
        by_domain[name] = published_rm_bench(rewards[of, :3], rewards[of, 3:])
    assert values(found, "subsets") == pytest.approx({n: np.mean(list(v.values())) for n, v in by_domain.items()})
    assert values(found, "sections") == pytest.approx(
        {kind: np.mean([one[kind] for one in by_domain.values()]) for kind in ("hard", "normal", "easy")}
    )
    assert values(found, "overall")["score"] == pytest.approx(np.mean(list(values(found, "subsets").values())))


# — LeWiDi —


def test_lewidis_functions_are_those_of_its_notebook():
    rng = np.random.default_rng(0)
    t, p = rng.dirichlet(np.ones(6), (2, 5))
    cost = np.abs(np.arange(6).reshape(-1, 1) - np.arange(6)).astype(float)
    assert average_wasserstein(t, p) == pytest.approx(np.mean([ot.emd2(a, b, cost) for a, b in zip(t, p)]))
    assert average_manhattan(t, p) == pytest.approx(np.mean([sum(abs(b - a)) for a, b in zip(t, p)]))
    assert error_rate([[1, 0, 1], [0, 0]], [[1, 1, 1], [0, 1]]) == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert absolute_distance([[5, -5], [0, 0]], [[4, -1], [0, 3]], 11) == pytest.approx((2.5 / 11 + 1.5 / 11) / 2)
    questions = [[[1, 0], [0.5, 0.5], [0, 1]]]
    assert multilabel(questions, [[[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]]) == pytest.approx((1 + 0 + 1) / 3)
