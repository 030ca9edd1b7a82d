"""Tasks in each form, as the tools that read them expect."""

import csv
import json

import pytest

from polypref import Group, load_groups, save_groups
from polypref.collection.asking import Question
from polypref.collection.tasks import make_tasks, write_tasks
from polypref.errors import PolyprefError

GROUPS = [
    Group("one?", ["a", "b", "c"], sources=("x", "y", "z"), domain="food", meta={"note": 1}),
    Group("two, or\nthree?", ['d "quoted"', "e"], id="second"),
]
ASKED = [Question(0, 0, 2, 0.5, "drawn"), Question(1, 0, 1, 0.25, "near ½")]


@pytest.fixture
def tasks():
    return make_tasks(GROUPS, ASKED, "design", seed=0)


def test_a_task_shows_two_responses_in_an_order_that_is_drawn(tasks):
    assert [sorted(task.group.responses) for task in tasks] == [["a", "c"], ['d "quoted"', "e"]]
    first = {make_tasks(GROUPS, ASKED, "design", seed=seed)[0].group.responses[0] for seed in range(20)}
    assert first == {"a", "c"}
    source = dict(zip(tasks[0].group.responses, tasks[0].group.sources))
    assert source == {"a": "x", "c": "z"}
    assert tasks[0].group.domain == "food"
    assert tasks[0].group.meta == {"note": 1, "asked": {"rule": "design", "value": 0.5, "why": "drawn"}}


def test_our_own_form_is_read_again_and_joins_its_group(tasks, tmp_path):
    write_tasks(tasks, tmp_path / "tasks.jsonl")
    assert load_groups(tmp_path / "tasks.jsonl") == [task.group for task in tasks]
    save_groups(GROUPS, tmp_path / "pool.jsonl")
    merged = load_groups([tmp_path / "pool.jsonl", tmp_path / "tasks.jsonl"])
    assert [group.responses for group in merged] == [group.responses for group in GROUPS]


def test_a_filled_table_is_read_as_votes(tasks, tmp_path):
    write_tasks(tasks, tmp_path / "tasks.csv", "csv")
    with open(tmp_path / "tasks.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["prompt"] for row in rows] == ["one?", "two, or\nthree?"]
    for row in rows:
        row["winner"], row["annotator"] = "b", "ann"
    with open(tmp_path / "filled.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    for group, task in zip(load_groups(tmp_path / "filled.csv"), tasks, strict=True):
        assert group.responses == task.group.responses
        assert [(c.i, c.j, c.p, c.annotator) for c in group.comparisons] == [(0, 1, 0.0, "ann")]


def test_argilla_has_records(tasks, tmp_path):
    write_tasks(tasks, tmp_path / "records.json", "argilla")
    first = json.loads((tmp_path / "records.json").read_text())[0]
    assert first.keys() == {"id", "fields", "metadata", "suggestions", "responses", "vectors"}
    assert first["id"] == tasks[0].id
    a, b = tasks[0].group.responses
    assert first["fields"] == {"prompt": "one?", "response_a": a, "response_b": b}
    assert first["metadata"] == {"rule": "design", "value": 0.5, "why": "drawn"}


def test_label_studio_has_data(tasks, tmp_path):
    write_tasks(tasks, tmp_path / "tasks.json", "label-studio")
    read = json.loads((tmp_path / "tasks.json").read_text())
    assert [task.keys() for task in read] == [{"data"}, {"data"}]
    assert read[1]["data"]["why"] == "near ½"
    assert read[1]["data"]["id"] in ("second:0:1", "second:1:0")


def test_an_unknown_form_is_a_sentence(tasks, tmp_path):
    with pytest.raises(PolyprefError, match="unknown form 'xls'; known are polypref, csv, argilla, label-studio"):
        write_tasks(tasks, tmp_path / "tasks.xls", "xls")
    assert not (tmp_path / "tasks.xls").exists()
