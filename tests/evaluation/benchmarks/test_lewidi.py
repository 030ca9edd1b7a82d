"""LeWiDi's scores, by hand."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from tests.evaluation.benchmarks.cases import SHARED, items, values

from polypref import DataError
from polypref.evaluation.benchmarks import find_benchmark
from polypref.evaluation.benchmarks.base import judge, read_items
from polypref.evaluation.prediction import Prediction


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
