"""`polypref eval`, as a user meets it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from polypref import Comparison, Group, PreferenceModel, Rating, save_groups
from polypref.evaluation.assessment import assess


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYPREF_CACHE", str(tmp_path / "kept"))


def rewardbench(folder: Path) -> Path:
    rows = [
        {"prompt": f"Why {word}?", "chosen": f"For {word}.", "rejected": "No idea", "subset": subset, "id": k}
        for k, (word, subset) in enumerate([("rain", "hep-go"), ("snow", "hep-go"), ("wind", "donotanswer")])
    ]
    path = folder / "rewardbench.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_json_holds_what_python_measures(polypref, saved, data, judged):
    path = saved("general")
    run = polypref("eval", path, "--data", data, "--seed", 3, "--resamples", 50, "--json")
    assert run.status == 0
    measured = assess(PreferenceModel.from_pretrained(path).encode(judged), seed=3, resamples=50)
    assert json.loads(run.out)["models"] == {str(path): json.loads(json.dumps(measured.to_dict()))}


def test_several_models_share_the_tables_and_each_is_measured_once(polypref, saved, data):
    first, second = saved("general"), saved("distributional")
    run = polypref("eval", first, second, first, "--data", data)
    assert run.status == 0
    preferences, crowds, *_ = run.out.split("Crowds")
    assert "Preferences · 10 groups · 10 comparisons" in preferences
    assert preferences.count("general") == 1
    assert "general" not in crowds  # only the other predicts ratings
    assert "W1ofuniform" in "".join(crowds.split())


def test_the_opinion_of_the_training_data_is_the_constant_to_beat(polypref, saved, data, tmp_path):
    model = PreferenceModel.from_pretrained(saved("distributional"))
    assert "W1 of the constant" not in polypref("eval", saved("distributional"), "--data", data).out
    model.training_opinion = (0.0, 0.0, 1.0, 0.0, 0.0, 0.0)
    model.save_pretrained(tmp_path / "model")
    found = json.loads(polypref("eval", tmp_path / "model", "--data", data, "--json").out)
    crowd = found["models"][str(tmp_path / "model")]["crowd"]
    errors = [abs(1 + k % 6 - 3) for k in range(10)] + [0] * 10  # of "3" against the one rating of each response
    assert crowd["constant"]["value"] == pytest.approx(sum(errors) / 20)


def test_somebody_elses_reward_model_is_measured(polypref, backbone, data, judged, tmp_path):
    """One logit and no polypref block: a scalar head."""
    classifier = AutoModelForSequenceClassification.from_pretrained(backbone, num_labels=1)
    classifier.save_pretrained(tmp_path / "theirs")
    AutoTokenizer.from_pretrained(backbone).save_pretrained(tmp_path / "theirs")
    run = polypref("eval", tmp_path / "theirs", "--data", data, "--json")
    assert run.status == 0
    (found,) = json.loads(run.out)["models"].values()
    assert found["comparisons"] == 10
    assert found["unpredicted"] == 0


def test_what_was_cut_is_said(polypref, saved, data):
    run = polypref("eval", saved("scalar", max_length=20), "--data", data)
    assert run.status == 0
    model = PreferenceModel.from_pretrained(saved("scalar", max_length=20))
    assert model.inputs.max_length == 20
    assert "reads 20 tokens of a prompt and a response" in run.err
    assert "tokens cut in 10 groups, prompts first" in run.err
    assert "tokens cut" not in polypref("eval", saved("scalar"), "--data", data).err


def test_ratings_alone_need_a_model_of_them_or_pairs_from_them(polypref, saved, tmp_path):
    path = tmp_path / "rated.jsonl"
    save_groups([Group("q", ("a", "b"), ratings=[Rating(0, 5, annotator="x"), Rating(1, 2, annotator="x")])], path)
    run = polypref("eval", saved("scalar"), "--data", path)
    assert run.status == 2
    assert "2 ratings and no comparisons" in run.err
    assert "--pairs-from-ratings" in run.err
    assert polypref("eval", saved("scalar"), "--data", path, "--pairs-from-ratings").status == 0
    assert "Crowds" in polypref("eval", saved("distributional"), "--data", path).out


def test_mistakes_get_one_sentence(polypref, saved, data, tmp_path):
    unjudged, other, broken = tmp_path / "unjudged.jsonl", tmp_path / "other", tmp_path / "broken"
    save_groups([Group("q", ("a", "b"))], unjudged)
    other.mkdir()
    broken.mkdir()
    for file in saved("scalar").iterdir():
        whole = file.read_bytes()
        (broken / file.name).write_bytes(whole[: len(whole) // 2] if file.suffix == ".safetensors" else whole)
    for model, file, sentence in (
        (saved("scalar"), unjudged, "no comparisons and no ratings"),
        (tmp_path / "nowhere", data, "there is no model folder"),
        (other, data, "cannot load the folder"),
        (broken, data, "is damaged"),
        ("embedded:nothing", data, "unknown embedded model"),
        ("no-such-model", data, "there is no folder 'no-such-model', so it was looked for on the hub"),
    ):
        run = polypref("eval", model, "--data", file)
        assert run.status == 2
        assert sentence in run.err
        assert run.err.count("\n") == 1


def test_a_classifier_that_is_no_reward_model_is_refused(polypref, backbone, data, tmp_path):
    AutoModelForSequenceClassification.from_pretrained(backbone, num_labels=3).save_pretrained(tmp_path / "sentiment")
    AutoTokenizer.from_pretrained(backbone).save_pretrained(tmp_path / "sentiment")
    run = polypref("eval", tmp_path / "sentiment", "--data", data)
    assert run.status == 2
    assert "is no preference model: it has no polypref block" in run.err


def test_a_tie_of_votes_is_no_failure(polypref, saved, tmp_path):
    path = tmp_path / "split.jsonl"
    save_groups([Group("q", ("a", "b"), [Comparison(0, 1, p=0.5)])], path)
    run = polypref("eval", saved("scalar"), "--data", path)
    assert run.status == 0
    assert "nothing to measure accuracy and AUC on" in run.out


def test_several_models_are_compared_with_the_first(polypref, saved, data):
    first, second = saved("general"), saved("general", seed=1)
    alone = json.loads(polypref("eval", first, "--data", data, "--json").out)
    assert set(alone) == {"data", "models"}
    found = json.loads(polypref("eval", first, second, first, "--data", data, "--json").out)
    assert found["models"][str(first)] == alone["models"][str(first)]
    assert found["differences"]["from"] == str(first)
    (metrics,) = found["differences"]["models"].values()
    accuracy = [found["models"][str(path)]["pairwise"]["accuracy"]["value"] for path in (second, first)]
    assert metrics["accuracy"]["value"] == pytest.approx(accuracy[0] - accuracy[1])
    assert set(metrics["log_loss"]) == {"value", "low", "high", "p"}
    table = polypref("eval", first, second, "--data", data).out
    assert "Differences from" in table


def test_a_second_metric_costs_no_run_and_gives_the_same(polypref, saved, data, tmp_path, monkeypatch):
    path = saved("scalar")
    first = polypref("eval", path, "--data", data, "--cache", tmp_path / "states", "--json")
    assert list((tmp_path / "states").rglob("*.safetensors"))

    def refuse(*_args, **_settings):
        raise AssertionError("the model was run")

    monkeypatch.setattr(PreferenceModel, "encode", refuse)
    assert polypref("eval", path, "--data", data, "--cache", tmp_path / "states", "--json").out == first.out
    with pytest.raises(AssertionError, match="the model was run"):
        polypref("eval", path, "--data", data, "--no-cache")


def test_a_benchmark_from_a_file_gives_scores_files_and_a_table(polypref, saved, tmp_path):
    path, out = saved("scalar"), tmp_path / "out"
    named = f"rewardbench={rewardbench(tmp_path)}"
    run = polypref("eval", path, saved("general"), "--benchmark", named, "--out", out, "--json")
    assert run.status == 0, run.err
    found = json.loads(run.out)["benchmarks"]["rewardbench"]
    scores = found["models"][str(path)]
    assert scores["items"] == 3
    sections = scores["sections"]
    assert scores["overall"]["score"]["value"] == pytest.approx(
        (sections["Reasoning"]["value"] + sections["Safety"]["value"]) / 2
    )
    assert set(found["differences"]["models"]) == {str(saved("general"))}
    (name,) = (file.stem for file in (out / "rewardbench" / "eval-set" / "local").iterdir() if file.stem == "scalar")
    written = json.loads((out / "rewardbench" / "eval-set" / "local" / f"{name}.json").read_text())
    assert written["hep-go"] == scores["subsets"]["hep-go"]["value"]
    assert written["model_type"] == "Seq. Classifier"
    assert (out / "local" / "scalar.md").read_text().startswith("| benchmark |")
    table = polypref("eval", path, "--benchmark", named)
    assert "RewardBench · 3 items" in table.out
    assert "sections · Safety" in table.out


def test_data_and_benchmarks_together(polypref, saved, data, tmp_path):
    run = polypref("eval", saved("scalar"), "--data", data, "--benchmark", f"rewardbench={rewardbench(tmp_path)}")
    assert run.status == 0
    assert "Preferences" in run.out
    assert "RewardBench" in run.out


def test_what_cannot_be_measured_is_said(polypref, saved, data, tmp_path):
    for words, sentence in (
        ((), "give --data FILE or --benchmark NAME"),
        (("--benchmark", "rewardbnech"), "unknown benchmark 'rewardbnech'; known are"),
        (("--benchmark", "llmbar"), "LLMBar is read from files"),
        (("--benchmark", f"rewardbench={data}"), "row 1, field chosen: is missing"),
        (("--benchmark", f"lewidi={tmp_path / 'nowhere.json'}"), "cannot be read"),
        (("--data", data, "--out", tmp_path), "--out writes the scores of benchmarks"),
        (("--data", data, "--cache", tmp_path, "--no-cache"), "contradict each other"),
        (("--domain", "each"), "there is nothing to measure on"),
    ):
        run = polypref("eval", saved("scalar"), *words)
        assert run.status == 2
        assert sentence in run.err
        assert run.err.count("\n") == 1


def test_each_domains_model_is_compared_on_what_each_domain_prefers(polypref, saved, tmp_path):
    for folder, seed in (("general", 0), ("domains/academy", 1)):
        PreferenceModel.from_pretrained(saved("scalar", seed=seed)).save_pretrained(tmp_path / "custom" / folder)
    texts = [("because", "roses"), ("it follows", "as if"), ("so", "ah")]
    rows = [{"query": f"Why {k}?", "responses": {"academy": a, "poetry": b}} for k, (a, b) in enumerate(texts)]
    (tmp_path / "dsp.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    words = ("eval", tmp_path / "custom", "--data", tmp_path / "dsp.jsonl", "--domain", "each")
    run = polypref(*words, "--json")
    assert run.status == 0, run.err
    found = json.loads(run.out)
    assert found["domain"] == "each"
    matrix = found["models"][str(tmp_path / "custom")]
    assert (matrix["models"], matrix["domains"]) == (["general", "academy"], ["academy", "poetry"])
    for name, cells in matrix["cells"].items():
        model = PreferenceModel.from_pretrained(tmp_path / "custom", domain=name)
        right = np.mean([model.preferences(Group(row["query"], t))[0, 1] > 0.5 for row, t in zip(rows, texts)])
        assert cells["academy"]["accuracy"]["value"] == pytest.approx(right)
        assert cells["poetry"]["accuracy"]["value"] == pytest.approx(1 - right)
    table = polypref(*words)
    assert "custom: How often a model (row) prefers what a domain (column) prefers" in " ".join(table.out.split())
    assert [line.split()[0] for line in table.out.splitlines() if "[" in line][1:] == ["general", "academy"]


def test_models_of_the_same_name_have_files_of_their_own(polypref, saved, tmp_path):
    named = f"rewardbench={rewardbench(tmp_path)}"
    for place, head in (("a", "scalar"), ("b", "general")):
        shutil.copytree(saved(head), tmp_path / place / "final")
    both = (tmp_path / "a" / "final", tmp_path / "b" / "final")
    run = polypref("eval", *both, "--benchmark", named, "--out", tmp_path / "out")
    assert run.status == 0, run.err
    folder = tmp_path / "out" / "rewardbench" / "eval-set" / "local"
    kinds = {path.stem: json.loads(path.read_text())["model_type"] for path in folder.iterdir()}
    assert kinds == {"a-final": "Seq. Classifier", "b-final": "Custom Classifier"}
    again = polypref("eval", both[0], f"{both[0]}/", "--benchmark", named, "--out", tmp_path / "out")
    assert again.status == 2
    assert "would be written to the same files" in again.err
