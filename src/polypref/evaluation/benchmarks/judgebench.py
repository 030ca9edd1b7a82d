"""JudgeBench (Tan et al. 2024, arXiv 2410.12784): pairs of responses of which one is objectively correct.

A pair is won if the correct response is preferred. Judges are asked in both orders, and a pair is won if the correct
response is named more often than the other; reward models are order-independent and asked once. They say A>B if A's
reward is higher and else B>A, and so it is here: a predicted tie is won where B is correct. The score is the share of
all pairs won; sections are knowledge (mmlu-pro), reasoning (livebench-reasoning), math (livebench-math) and coding
(livecodebench), by the beginning of the source.

Source: ScalerLab/JudgeBench, run_judge.py (sources, --single_game), utils/metrics.py (compute_final_metrics) and
utils/judges.py (GRMReward and the other reward models, for ties). The hub's split `gpt` (350 pairs) is the one that the
leaderboard ranks by; the 270 pairs of the split `claude` can be given as a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from polypref.evaluation.benchmarks.base import Benchmark, Floats, Scorer, Scores, codes, mean_of, means, prefers
from polypref.groups.formats import judgebench
from polypref.groups.formats.base import Format, Options
from polypref.groups.model import Group
from polypref.models.answer import Answer

SECTIONS = {
    "mmlu-pro": "Knowledge",
    "livebench-reasoning": "Reasoning",
    "livebench-math": "Math",
    "livecodebench": "Coding",
}


def _to_group(row: judgebench.JudgeBenchRow, options: Options) -> Group:
    section = next((name for start, name in SECTIONS.items() if row.source.startswith(start)), row.source)
    return replace(judgebench.to_group(row, options), domain=section)


def _results(group: Group, prediction: Answer) -> Sequence[float]:
    (comparison,) = group.comparisons
    says_a = prefers(group, prediction, 0, 1) == 1
    return [float(says_a == (comparison.i == 0))]


def _scorer(groups: Sequence[Group]) -> Scorer:
    names, code = codes(group.domain for group in groups)

    def scores(results: Floats, weight: Floats) -> Scores:
        sections = dict(zip(names, means(code, len(names), results[:, 0], weight).tolist()))
        return {"overall": {"score": mean_of(results[:, 0], weight)}, "sections": sections}

    return scores


BENCHMARK = Benchmark(
    name="judgebench",
    title="JudgeBench",
    hub=("ScalerLab/JudgeBench[gpt]",),
    format=Format("judgebench", "JudgeBench", frozenset(), judgebench.JudgeBenchRow, _to_group),
    results=_results,
    scorer=_scorer,
)
