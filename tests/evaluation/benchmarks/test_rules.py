"""Each benchmark's scores against its published rule, worked out by hand on small cases."""

from __future__ import annotations

import gzip
import json
import math

import numpy as np
import pytest
from tests.evaluation.benchmarks.cases import SHARED, items, scored, values

from polypref import DataError
from polypref.evaluation.benchmarks import all_benchmarks, find_benchmark
from polypref.evaluation.benchmarks.base import compare_judged, judge, read_items
from polypref.evaluation.benchmarks.rewardbench import COUNTS, SECTIONS
from polypref.evaluation.prediction import Prediction


def test_every_benchmark_is_found_by_its_name():
    assert list(all_benchmarks()) == ["judgebench", "lewidi", "llmbar", "rewardbench", "rewardbench2", "rm-bench"]
    with pytest.raises(DataError, match="unknown benchmark 'rewardbnech'; known are judgebench"):
        find_benchmark("rewardbnech")


# — RewardBench —


def rewardbench_row(subset: str, k: int = 0) -> dict:
    return {"prompt": f"{subset} {k}", "chosen": "good", "rejected": "bad", "subset": subset, "id": k}


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


# — RewardBench 2 —


def best_of_four(subset: str, k: int) -> dict:
    return {"prompt": f"{subset} {k}", "chosen": ["a"], "rejected": ["b", "c", "d"], "subset": subset, "id": str(k)}


def test_rewardbench2_shares_a_win_among_ties(tmp_path):
    rows = [best_of_four("Math", 0), best_of_four("Math", 1), best_of_four("Focus", 2), best_of_four("Focus", 3)]
    groups = items("rewardbench2", rows, tmp_path)
    found = scored("rewardbench2", groups, [[3, 1, 2, 0], [1, 1, 0, 1], [0, 1, 2, 2], [2, 1, 2, 1]])
    assert values(found, "subsets") == pytest.approx({"Math": (1 + 1 / 3) / 2, "Focus": (0 + 1 / 2) / 2})
    assert values(found, "overall")["score"] == pytest.approx(((1 + 1 / 3) / 2 + 1 / 4) / 2)


def test_ties_by_hand(tmp_path):
    def row(ident: str, correct: int) -> dict:
        return {
            "prompt": ident,
            "chosen": ["yes"] * correct,
            "rejected": ["no", "nope"],
            "subset": "Ties",
            "id": ident,
        }

    groups = items("rewardbench2", [row("ref:1", 1), row("tied:1", 2), row("ref:2", 1), row("tied:2", 2)], tmp_path)
    found = scored("rewardbench2", groups, [[5, 1, 2], [4, 5, 1, 2], [3, 2, 0], [2, 6, 1, 0]])
    # tied:1 margin 4 − 2 = 2, spread 1, ref:1 margin 3; tied:2 margin 2 − 1 = 1, spread 4, ref:2 margin 1
    expected = 0.3 * 1 + 0.3 * 1 + 0.2 * 0.5 + 0.2 * 0.5
    expected += 0.01 * (math.tanh(2 / 1 - 1) + math.tanh(1 / 4 - 1)) / 2
    assert values(found, "subsets") == pytest.approx({"Ties": expected})
    level = scored("rewardbench2", groups, [[1, 0, 0], [2, 2, 0, 0], [0, 1, 0], [1, 1, 1, 1]])
    # pair 1: margins 1 and 2, spread 0, 1/0; pair 2: ref lost, tied margin 0 and spread 0, −1/0
    assert values(level, "subsets")["Ties"] == pytest.approx(0.3 * 0.5 + 0.3 * 0.5 + 0.2 * 0.5 + 0.2 * 0.5 + 0.01 * 0)


def test_items_of_the_wrong_shape_are_refused(tmp_path):
    with pytest.raises(DataError, match="expected one chosen response outside Ties, got 2"):
        items("rewardbench2", [{**best_of_four("Math", 0), "chosen": ["a", "b"]}], tmp_path)
    with pytest.raises(DataError, match="expected ref:n or tied:n in Ties, got '0'"):
        items("rewardbench2", [best_of_four("Ties", 0)], tmp_path)
    with pytest.raises(DataError, match="expected several correct answers"):
        items("rewardbench2", [{**best_of_four("Ties", 0), "id": "tied:3"}], tmp_path)


def test_rm_bench_by_hand(tmp_path):
    row = {"prompt": "q", "chosen": list("abc"), "rejected": list("def"), "domain": "chat"}
    found = scored("rm-bench", items("rm-bench", [row], tmp_path), [[1, 2, 3, 0, 2, 9]])
    # 1 > 0; 2 > 0, 2 = 2; 3 > 0, 3 > 2: hard 0 of 3, normal 1 of 3, easy 3 of 3
    assert values(found, "sections") == pytest.approx({"hard": 0.0, "normal": 1 / 3, "easy": 1.0})


# — JudgeBench —


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


# — LLMBar —


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


def crowd(*p: float, labels: tuple[float, ...]) -> Prediction:
    return Prediction(distributions=np.array([p]), labels=labels)


def test_lewidi_by_hand(tmp_path):
    csc = {"text": {"context": "c", "response": "r"}, "annotations": {"A1": "1", "A2": "3"}}
    multi = {"text": {"post": "p", "reply": "r"}, "annotations": {"A1": "1", "A2": "0", "A3": "0", "A4": "0"}}
    groups = items("lewidi", [csc, multi], tmp_path)
    predictions = [
        crowd(0, 1, 0, 0, 0, 0, labels=(1, 2, 3, 4, 5, 6)),
        crowd(0.4, 0.6, labels=(0, 1)),
    ]
    found = judge(find_benchmark("lewidi"), zip(groups, predictions), resamples=10)
    assert values(found, "soft") == pytest.approx({"CSC": 1.0, "MP": 0.35 * 2})
    assert values(found, "perspectivist") == pytest.approx({"CSC": 1 / 6, "MP": 3 / 4})


def test_lewidi_asks_for_the_labels_of_the_data(tmp_path):
    csc = {"text": {"context": "c", "response": "r"}, "annotations": {"A1": "1"}}
    (group,) = items("lewidi", [csc], tmp_path)
    with pytest.raises(DataError, match="predicts the labels 1, 2, where CSC has 1, 2, 3, 4, 5, 6"):
        judge(find_benchmark("lewidi"), [(group, crowd(0.5, 0.5, labels=(1, 2)))])
    with pytest.raises(DataError, match="predicts no distributions"):
        judge(find_benchmark("lewidi"), [(group, Prediction(utilities=np.zeros(1)))])
    entailed = {"text": {"context": "c", "statement": "s"}, "annotations": {"A1": "entailment"}}
    with pytest.raises(DataError, match="expected an item of CSC, Par, MP"):
        items("lewidi", [entailed], tmp_path)


def test_lewidis_targets_are_the_soft_labels_of_the_data():
    path = SHARED / "lewidi" / "paraphrase.dev.jsonl.gz"
    if not path.exists():
        pytest.skip("the development data are not here")
    groups = read_items(find_benchmark("lewidi"), path)
    with gzip.open(path) as file:
        rows = [json.loads(line) for line in file]
    labels = tuple(map(float, range(-5, 6)))
    exact = [crowd(*(row["soft_label"][f"{int(label)}"] for label in labels), labels=labels) for row in rows]
    found = judge(find_benchmark("lewidi"), zip(groups, exact), resamples=10)
    assert values(found, "soft") == pytest.approx({"Par": 0.0}, abs=1e-9)


# — intervals and differences —


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
