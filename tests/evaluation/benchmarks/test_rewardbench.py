"""RewardBench's scores, by hand, and what is no item of it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.evaluation.benchmarks.cases import items, rewardbench_row, scored, values

from polypref import DataError
from polypref.evaluation.benchmarks import find_benchmark
from polypref.evaluation.benchmarks.base import judge, read_items
from polypref.evaluation.benchmarks.rewardbench import COUNTS, SECTIONS
from polypref.evaluation.prediction import Prediction


def test_the_four_sections_have_the_23_subsets_and_2985_items():
    assert sorted(name for section in SECTIONS.values() for name in section) == sorted(COUNTS)
    assert len(COUNTS) == 23
    assert sum(COUNTS.values()) - COUNTS["math-prm"] + 447 == 2985
    assert sum(COUNTS[name] for name in SECTIONS["Reasoning"]) == 2 * COUNTS["math-prm"]  # math counts as all code


def test_rewardbench_by_hand(tmp_path):
    """Won: one of two of alpacaeval-easy, both of mt-bench-hard, math-prm; a tie is lost."""
    subsets = ["alpacaeval-easy"] * 2 + ["mt-bench-easy", "mt-bench-hard", "mt-bench-hard", "math-prm", "hep-go"]
    groups = items("rewardbench", [rewardbench_row(subset, k) for k, subset in enumerate(subsets)], tmp_path)
    won = [[1, 0], [0, 1], [5, 5], [2, 1], [0.1, 0], [3, 2], [2, 3]]
    found = scored("rewardbench", groups, won)
    assert values(found, "subsets") == {
        "alpacaeval-easy": 0.5,
        "mt-bench-easy": 0.0,  # the tie
        "mt-bench-hard": 1.0,
        "math-prm": 1.0,
        "hep-go": 0.0,
    }
    chat, reasoning = 100 * 0.5 / (100 + 28), 984 / (984 + 164)
    assert values(found, "sections") == pytest.approx({"Chat": chat, "Chat Hard": 1.0, "Reasoning": reasoning})
    assert values(found, "overall") == pytest.approx({"score": (chat + 1.0 + reasoning) / 3})


def test_other_subsets_and_broken_rows_are_refused_with_their_place(tmp_path):
    with pytest.raises(
        DataError, match=r"items.jsonl, row 2, field subset: expected a subset of RewardBench, got 'mt'"
    ):
        items("rewardbench", [rewardbench_row("hep-go"), rewardbench_row("mt")], tmp_path)
    with pytest.raises(DataError, match="row 1, field rejected: is missing"):
        items("rewardbench", [{"prompt": "q", "chosen": "a", "subset": "hep-go"}], tmp_path)


def test_subsets_of_the_prior_data_that_enter_no_score_are_left_out_and_said(tmp_path):
    path, said = tmp_path / "prior.jsonl", []
    rows = [rewardbench_row(subset) for subset in ("shp", "anthropic_harmless", "mtbench_gpt4", "mtbench_human")]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [group.domain for group in read_items(find_benchmark("rewardbench"), path, said.append)] == ["shp"]
    assert said[0] == "left out 1 rows of anthropic_harmless, which enters no score of RewardBench"
    assert len(said) == 3


def test_what_is_won_agrees_with_the_rewards_where_preferences_do_not(tmp_path):
    """Of a crowd that is divided about the chosen one, most may prefer the other though the mean does not."""
    (group,) = items("rewardbench", [rewardbench_row("hep-go")], tmp_path)
    prediction = Prediction(np.array([[0.5, 0.4], [0.6, 0.5]]), utilities=np.array([3.0, 2.0]))
    found = judge(find_benchmark("rewardbench"), [(group, prediction)])
    assert values(found, "subsets") == {"hep-go": 1.0}
    assert found.rewards[0].tolist() == [3.0, 2.0]


def test_prior_sets_have_dialogues_as_prompts(tmp_path):
    said = (("user", "hi"), ("assistant", "yes?"), ("user", "why"))
    prompt = [{"role": role, "content": content} for role, content in said]
    (group,) = items("rewardbench", [{"prompt": prompt, "chosen": "a", "rejected": "b", "subset": "shp"}], tmp_path)
    assert [turn.role for turn in group.prompt] == ["user", "assistant", "user"]
