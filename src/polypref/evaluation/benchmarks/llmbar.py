"""LLMBar (Zeng et al. 2023, arXiv 2310.07641): 419 pairs of which one output follows the instruction.

Every pair is judged in both orders and accuracy is the mean of the two; an evaluator that rates outputs one by one
names the second in one order and the first in the other where its ratings are equal, so that a tie counts ½. Agreement
is the share of pairs on which the two orders agree: here, of pairs without a tie. The sets are Natural and, of an
adversarial kind, Neighbor, GPTInst, GPTOut and Manual; they are told from the name of the file or
of the nearest folder that it is in. Of a folder only files named dataset.json are read: evaluators' results lie beside.

Source: princeton-nlp/LLMBar, LLMEvaluator/evaluate.py (correct_average, equal; the rule for ratings) and the layout of
Dataset/LLMBar. The means over sets, each set once, are ours: the repository computes one set at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from polypref.errors import DataError
from polypref.evaluation.benchmarks.base import PLACE, Benchmark, Floats, Scorer, Scores, codes, mean_of, means, prefers
from polypref.groups.formats import llmbar
from polypref.groups.formats.base import Format, Options
from polypref.groups.model import Group
from polypref.models.answer import Answer

NATURAL = "Natural"
ADVERSARIAL = ("Neighbor", "GPTInst", "GPTOut", "Manual")


def _to_group(row: llmbar.LlmBarRow, options: Options) -> Group:
    sets = {name.casefold(): name for name in (NATURAL, *ADVERSARIAL)}
    place = Path(str(row.unknown[PLACE])).absolute()
    named = (folder.casefold() for folder in (place.name.partition(".")[0], *(above.name for above in place.parents)))
    subset = next((sets[folder] for folder in named if folder in sets), None)
    if subset is None:
        raise DataError(
            "cannot tell the set of LLMBar from the place of the file: expected it in a folder named "
            f"{', '.join(sets.values())}, as in Dataset/LLMBar/Natural/dataset.json"
        )
    return replace(llmbar.to_group(row, options), domain=subset)


def _results(group: Group, prediction: Answer) -> Sequence[float]:
    (comparison,) = group.comparisons
    right = prefers(group, prediction, comparison.i, comparison.j)
    return [right, float(right != 0.5)]


def _scorer(groups: Sequence[Group]) -> Scorer:
    names, code = codes(group.domain for group in groups)

    def scores(results: Floats, weight: Floats) -> Scores:
        subsets = dict(zip(names, means(code, len(names), results[:, 0], weight).tolist()))
        adversarial = mean_of(subsets[name] for name in ADVERSARIAL if name in subsets)
        return {
            "overall": {"score": mean_of(subsets.values()), "agreement": mean_of(results[:, 1], weight)},
            "sections": {"Adversarial": adversarial},
            "subsets": subsets,
        }

    return scores


BENCHMARK = Benchmark(
    name="llmbar",
    title="LLMBar",
    hub=(),
    format=Format("llmbar", "LLMBar", frozenset(), llmbar.LlmBarRow, _to_group),
    results=_results,
    scorer=_scorer,
    files="dataset.json",
)
