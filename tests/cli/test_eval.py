"""`polypref eval`, as a user meets it."""

from __future__ import annotations

import json

import pytest
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from polypref import Comparison, Group, PreferenceModel, Rating, save_groups
from polypref.evaluation.assessment import assess
from polypref.evaluation.predicting import predict


def test_json_holds_what_python_measures(polypref, saved, data, judged):
    path = saved("general")
    run = polypref("eval", path, "--data", data, "--seed", 3, "--resamples", 50, "--json")
    assert run.status == 0
    measured = assess(predict(PreferenceModel.from_pretrained(path), judged), seed=3, resamples=50)
    assert json.loads(run.out)["models"] == {str(path): json.loads(json.dumps(measured.to_dict()))}


def test_several_models_share_the_tables_and_each_is_measured_once(polypref, saved, data):
    first, second = saved("general"), saved("distributional")
    run = polypref("eval", first, second, first, "--data", data)
    assert run.status == 0
    preferences, crowds = run.out.split("Crowds")
    assert "Preferences · 10 groups · 10 comparisons" in preferences
    words = "".join(run.out.split())
    assert words.count("general") == preferences.count("general") == 1  # only the other predicts ratings
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
