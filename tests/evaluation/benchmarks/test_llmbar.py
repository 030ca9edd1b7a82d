"""LLMBar's scores, by hand from its own folders."""

from __future__ import annotations

import json

import pytest
from tests.evaluation.benchmarks.cases import items, scored, values

from polypref import DataError
from polypref.evaluation.benchmarks import find_benchmark
from polypref.evaluation.benchmarks.base import read_items


def test_llmbar_by_hand_from_its_own_folders(tmp_path):
    pair = {"output_1": "x", "output_2": "y"}
    for place, rows in {
        "LLMBar/Natural": [{"input": "a", **pair, "label": 1}, {"input": "b", **pair, "label": 2}],
        "LLMBar/Adversarial/Neighbor": [{"input": "c", **pair, "label": 1}],
        "LLMBar/Adversarial/Manual": [{"input": "d", **pair, "label": 2}],
    }.items():
        folder = tmp_path / place
        folder.mkdir(parents=True)
        (folder / "dataset.json").write_text(json.dumps(rows))
    groups = read_items(find_benchmark("llmbar"), tmp_path)
    rewards = {"a": [1, 0], "b": [1, 0], "c": [2, 2], "d": [0, 1]}
    found = scored("llmbar", groups, [rewards[group.prompt_text] for group in groups])
    assert values(found, "subsets") == {"Natural": 0.5, "Neighbor": 0.5, "Manual": 1.0}
    assert values(found, "sections") == {"Adversarial": 0.75}
    assert values(found, "overall") == pytest.approx({"score": 2 / 3, "agreement": 3 / 4})
    with pytest.raises(DataError, match="cannot tell the set of LLMBar"):
        items("llmbar", [{"input": "a", **pair, "label": 1}], tmp_path / "elsewhere")
    with pytest.raises(DataError, match="LLMBar is read from files: give --benchmark llmbar=PATH"):
        read_items(find_benchmark("llmbar"))


def test_evaluators_results_and_names_above_do_not_confuse_llmbar(tmp_path):
    row = {"input": "a", "output_1": "x", "output_2": "y", "label": 1}
    folder = tmp_path / "Manuals" / "Natural" / "LLMBar" / "Adversarial" / "GPTInst"
    (folder / "evaluators" / "gpt").mkdir(parents=True)
    (folder / "dataset.json").write_text(json.dumps([row]))
    for name in ("result", "statistics"):
        (folder / "evaluators" / "gpt" / f"{name}.json").write_text(json.dumps([{"winner": 1}]))
    (group,) = read_items(find_benchmark("llmbar"), tmp_path)
    assert group.domain == "GPTInst"
    with pytest.raises(DataError, match=r"holds no files named dataset.json"):
        read_items(find_benchmark("llmbar"), folder / "evaluators")
