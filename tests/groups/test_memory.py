"""Rows of data frames, Arrow tables and data sets: read as those of a file with the same cells."""

from __future__ import annotations

import subprocess
import sys

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from polypref.errors import DataError
from polypref.groups.model import Comparison, Group, Rating
from polypref.groups.reading import GroupReader
from polypref.groups.sources import load_groups
from polypref.groups.writing import save_groups

KINDS = ["data frame", "table", "data set"]
VOTES = [
    {"prompt": "Tea or coffee?", "response_a": "Tea.", "response_b": "Coffee.", "winner": "a", "annotator": 7},
    {"prompt": "Tea or coffee?", "response_a": "Tea.", "response_b": "Coffee.", "winner": "tie"},
    {"prompt": "Cat or dog?", "response_a": "Cat.", "response_b": "Dog.", "winner": "b", "annotator": 8},
]
GROUPS = [
    Group("Tea or coffee?", ("Tea.", "Coffee."), (Comparison(0, 1, 1.0, "7"), Comparison(0, 1, 0.5))),
    Group("Cat or dog?", ("Cat.", "Dog."), (Comparison(0, 1, 0.0, "8"),)),
]
OWN = [
    Group(
        "Name a bird.",
        ("A wren.", "A heron."),
        (Comparison(0, 1, 0.75, "a7", "kind", 4, 12.5), Comparison(1, 0)),
        (Rating(0, 2), Rating(1, "fine", "a8")),
        "nature",
        "q1",
        ("ann", None),
        (),
        {"note": [1, {"two": 2}]},
    ),
    Group("Name a fish.", ("A pike.",)),
]


def tables(rows):
    """The same cells as each kind of table; what a row lacks is empty there."""
    return [pd.DataFrame(rows), pa.Table.from_pylist(rows), datasets.Dataset.from_list(rows)]


@pytest.mark.parametrize("table", tables(VOTES), ids=KINDS)
def test_tables_are_read_as_files_are(table):
    reader = GroupReader(table)
    assert list(reader) == GROUPS
    assert (reader.format.name, reader.rows) == ("votes", 3)


@pytest.mark.parametrize(("kind", "table"), [*zip(KINDS, tables([*VOTES, {**VOTES[0], "winner": "c"}]))])
def test_errors_name_the_table_and_its_row(kind, table):
    with pytest.raises(DataError, match=rf"^{kind}, row 4, field winner: "):
        load_groups(table)


def test_a_record_batch_and_parts_of_a_data_set_are_tables():
    assert load_groups(pa.RecordBatch.from_pylist(VOTES)) == GROUPS
    parts = datasets.DatasetDict({"test": datasets.Dataset.from_list(VOTES)})
    assert load_groups(parts) == GROUPS
    parts["train"] = parts["test"]
    with pytest.raises(DataError, match=r"^expected rows, got parts named test, train; give one of them$"):
        load_groups(parts)
    with pytest.raises(DataError, match=r"^has no rows$"):
        load_groups(datasets.DatasetDict())


@pytest.mark.parametrize("form", ["numpy", "torch", "pandas", "arrow"])
def test_the_form_that_a_data_set_gives_its_rows_in_does_not_matter(form):
    rows = [{"prompt": "q", "responses": ["a", "b"], "comparisons": [{"i": 0, "j": 1, "p": 0.25}]}]
    data_set = datasets.Dataset.from_list(rows).with_format(form)
    assert load_groups(data_set) == [Group("q", ("a", "b"), (Comparison(0, 1, 0.25),))]


def test_a_data_set_may_come_as_a_stream():
    assert load_groups(datasets.Dataset.from_list(VOTES).to_iterable_dataset()) == GROUPS


def test_empty_cells_are_absent_fields_and_arrays_are_lists():
    frame = pd.DataFrame(
        {
            "prompt": ["q", "q2", "q3"],
            "responses": [np.array(["a", "b"]), ["c", "d"], ("e", "f")],
            "comparisons": [np.array([{"i": np.int64(0), "j": np.int64(1), "p": np.float64(0.25)}]), None, np.nan],
            "domain": pd.array(["x", pd.NA, None], dtype="string"),
            "id": [None, 5, np.nan],
            "seen": pd.to_datetime(["2024-05-01", None, None]),
            "kind": pd.Categorical(["new", None, "old"]),
        },
        index=[10, 10, 3],
    )
    first, second, third = load_groups(frame)
    assert first.comparisons == (Comparison(0, 1, 0.25),)
    assert (first.domain, first.id) == ("x", None)
    assert first.meta == {"seen": "2024-05-01T00:00:00", "kind": "new"}  # JSON has no dates
    assert second == Group("q2", ("c", "d"), id="5")  # pandas holds 5.0, for the others are missing
    assert third == Group("q3", ("e", "f"), meta={"kind": "old"})


def test_numbers_that_are_no_whole_ones_stay():
    frame = pd.DataFrame({"prompt": "q", "response": ["a", "b", "c"], "rating": [1.5, 2.0, np.nan]})
    with pytest.raises(DataError, match=r"^data frame, row 3, field rating: is missing$"):
        load_groups(frame)
    (group,) = load_groups(frame[:2])
    assert [rating.label for rating in group.ratings] == [1.5, 2.0]


@pytest.mark.parametrize("rows", [1, 1023, 1024, 1025, 2048])
def test_tables_of_any_length_are_read_to_the_end(rows):
    cells = [{"prompt": f"q{k}", "responses": [f"a{k}"]} for k in range(rows)]
    for table in tables(cells):
        assert [group.prompt for group in load_groups(table)] == [f"q{k}" for k in range(rows)]


def test_our_own_parquet_files_may_be_read_by_another_library(tmp_path):
    save_groups(OWN, tmp_path / "own.parquet")
    assert load_groups(pq.read_table(tmp_path / "own.parquet")) == OWN
    assert load_groups(pd.read_parquet(tmp_path / "own.parquet")) == OWN
    assert load_groups(datasets.Dataset.from_parquet(str(tmp_path / "own.parquet"), cache_dir=str(tmp_path))) == OWN


def test_tables_that_are_no_data():
    with pytest.raises(DataError, match=r"^data frame: has no rows$"):
        load_groups(pd.DataFrame({"prompt": []}))
    with pytest.raises(DataError, match=r"^table: names the column prompt twice$"):
        load_groups(pa.table([["q"], ["r"]], names=["prompt", "prompt"]))
    with pytest.raises(DataError, match=r"^data frame: no known format has rows with 0, 1; "):
        load_groups(pd.DataFrame([["q", "a"]]))
    with pytest.raises(DataError, match=r"^table: has cells that cannot be read \("):
        load_groups(pa.table({"prompt": [2**62], "x": pa.array([2**62], pa.timestamp("s"))}))


def test_rows_of_a_list_load_no_library_of_tables():
    code = (
        "import sys; from polypref import load_groups\n"
        "load_groups([{'prompt': 'q', 'responses': ['a']}])\n"
        "print(*{'pandas', 'pyarrow', 'datasets', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
