"""Where rows come from, beside plain files: the hub, memory, long cells; and what is told on the way."""

import gzip
from pathlib import Path

import datasets
import pytest

from polypref.errors import DataError
from polypref.groups.model import Comparison, Group
from polypref.groups.reading import GroupReader
from polypref.groups.sources import load_groups
from polypref.groups.writing import save_groups

ROW = {"prompt": "q", "chosen": "a", "rejected": "b"}
PAIR = Group("q", ["a", "b"], [Comparison(0, 1)])


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("org/name", ("org/name", None, "train")),
        ("org/name[test]", ("org/name", None, "test")),
        ("org/name[config/test]", ("org/name", "config", "test")),
    ],
)
def test_a_name_that_is_no_file_is_a_data_set_of_the_hub(name, asked, monkeypatch):
    seen = []

    def load_dataset(path, config, *, split, streaming):
        seen.append((path, config, split))
        assert streaming
        return iter([ROW])

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert load_groups(name) == [PAIR]
    assert seen == [asked]


def test_what_the_hub_answers_is_one_sentence(monkeypatch):
    def load_dataset(*args, **options):
        yield ROW
        raise ConnectionError("no route\nto the hub")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(DataError) as refusal:
        load_groups("org/name")
    assert str(refusal.value) == "org/name: there is no such file, and the hub answered: no route"


def test_a_file_comes_before_the_hub(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("org").mkdir()
    save_groups([PAIR], "org/name")
    assert load_groups("org/name") == [PAIR]


@pytest.mark.parametrize("form", [None, "trl"])
def test_no_rows_are_no_data_whether_the_format_is_named_or_not(form, tmp_path):
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(DataError, match=r"empty.jsonl: has no rows$"):
        load_groups(tmp_path / "empty.jsonl", format=form)
    with pytest.raises(DataError, match=r"^has no rows$"):
        load_groups([], format=form)


def test_a_format_wrongly_named_refuses_the_first_row(tmp_path):
    save_groups([PAIR], tmp_path / "data.jsonl")
    with pytest.raises(DataError, match=r"data.jsonl, row 1, field chosen: is missing$"):
        load_groups(tmp_path / "data.jsonl", format="trl")


def test_a_cell_of_csv_may_be_long(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text(f"prompt,response_a,response_b,winner\n{'q' * 300_000},a,b,a\n")
    (group,) = load_groups(path)
    assert len(group.prompt) == 300_000


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".parquet"])
def test_progress_ends_at_the_whole(ending, tmp_path):
    path = tmp_path / f"data{ending}"
    save_groups([Group(f"prompt {k} {'x' * 500}", ["a"]) for k in range(6000)], path)
    told = []
    assert len(list(GroupReader(path, progress=lambda stage, done, total: told.append((done, total))))) == 6000
    done, total = told[-1]
    assert done == total == (6000 if ending == ".parquet" else path.stat().st_size)
    assert told == sorted(told)
    assert len(told) > 1 or ending == ".jsonl.gz"


def test_a_file_is_known_by_its_bytes_not_its_name(tmp_path):
    save_groups([PAIR], tmp_path / "data.parquet")
    (tmp_path / "data.parquet").rename(tmp_path / "data")
    assert load_groups(tmp_path / "data") == [PAIR]
    (tmp_path / "packed.jsonl").write_bytes(gzip.compress(b'{"prompt": "q", "chosen": "a", "rejected": "b"}'))
    assert load_groups(tmp_path / "packed.jsonl") == [PAIR]


def test_several_gzip_members_are_one_file(tmp_path):
    row = b'{"prompt": "q", "chosen": "a", "rejected": "b"}\n'
    (tmp_path / "data.jsonl.gz").write_bytes(gzip.compress(row) + gzip.compress(row) + bytes(8))
    (group,) = load_groups(tmp_path / "data.jsonl.gz")
    assert group.comparisons == (Comparison(0, 1), Comparison(0, 1))


def test_rows_left_out_are_warned_of():
    with pytest.warns(UserWarning, match=r"^left out 1 of 2 rows; the first: row 2, field rejected: is missing$"):
        assert load_groups([ROW, {"prompt": "q", "chosen": "a"}], skip_bad=True) == [PAIR]
