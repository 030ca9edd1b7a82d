"""Parquet files that are damaged, of other types, or far larger than they look."""

import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.groups.test_malformed import GOOD, assert_left_out, refusal_of

from polypref.groups.model import Group
from polypref.groups.reading import GroupReader
from polypref.groups.sources import load_groups
from polypref.groups.writing import save_groups


def test_a_truncated_parquet_file_is_refused(tmp_path):
    path = tmp_path / "rows.parquet"
    save_groups(GOOD * 50, path)
    path.write_bytes(path.read_bytes()[:-40])
    assert re.fullmatch(
        re.escape(str(path)) + r": is not a readable Parquet file \(.+\)", refusal_of(path, skip_bad=True)
    )


def test_a_parquet_file_with_damaged_pages_is_refused(tmp_path):
    path = tmp_path / "rows.parquet"
    save_groups(GOOD * 50, path)
    data = bytearray(path.read_bytes())
    data[4:60] = b"\xff" * 56
    path.write_bytes(data)
    assert re.fullmatch(
        re.escape(str(path)) + r": is not a readable Parquet file \(.+\)", refusal_of(path, skip_bad=True)
    )


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("meta", "not JSON", "field meta: expected a cell of JSON text"),
        ("meta", "[1]", "field meta: expected a JSON object"),
        ("meta", '{"prompt": "r", "x": 1}', "field meta: holds prompt, which has a place of its own"),
        ("scale", "[1", "field scale: expected a cell of JSON text"),
        ("scale", "3", "field scale: expected a valid list, got 3"),
        ("meta", "[" * 5000, "field meta: expected a cell of JSON text"),
        ("prompt", None, "field prompt: is missing"),
        ("responses", None, "field responses: is missing"),
    ],
)
def test_a_bad_cell_of_an_own_parquet_file_is_refused_or_left_out(column, cell, reason, tmp_path):
    path = tmp_path / "rows.parquet"
    save_groups([GOOD[0], Group("q", ["a"]), GOOD[1]], path)
    table = pq.read_table(path)
    rows = table.to_pylist()
    rows[1][column] = cell
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
    placed = f"{path}, row 2, {reason}"
    assert refusal_of(path) == placed
    assert_left_out(path, GOOD, placed)


def test_an_own_parquet_file_may_lack_columns(tmp_path):
    path = tmp_path / "rows.parquet"
    save_groups(GOOD, path)
    table = pq.read_table(path).select(["prompt", "responses", "comparisons"])
    assert table.schema.metadata == {b"polypref": b"1"}
    pq.write_table(table, path)
    assert load_groups(path) == GOOD
    pq.write_table(table.select(["prompt"]), path)
    assert refusal_of(path).startswith(f"{path}: no known format has rows with prompt, comparisons, ratings;")


@pytest.mark.parametrize("name", ["comparisons", "ratings"])
@pytest.mark.parametrize(
    ("cell", "where", "expected"),
    [(3, "", "a list of structures"), ("text", "", "a list of structures"), ([3], "[0]", "a structure")],
)
def test_own_parquet_columns_of_other_types_are_refused(name, cell, where, expected, tmp_path):
    table = pa.table({"prompt": ["q"], "responses": [["a", "b"]], name: [cell]})
    path = tmp_path / "data.parquet"
    pq.write_table(table.replace_schema_metadata({"polypref": "1"}), path)
    assert refusal_of(path).startswith(f"{path}, row 1, field {name}{where}: expected {expected}, got ")


def test_a_column_that_unpacks_to_much_more_than_the_file_is_read_row_by_row(tmp_path):
    path = tmp_path / "bomb.parquet"
    words = pa.array(["q", "x" * 4_000_000])
    prompts = pa.DictionaryArray.from_arrays(pa.array([0, *[1] * 50_000, 0], pa.int32()), words)  # 200 GB
    table = pa.table({"prompt": prompts, "responses": pa.array([["a"]] * 50_002)})
    pq.write_table(table, path, compression="zstd", store_schema=False)
    assert path.stat().st_size < 20_000
    before = pa.total_allocated_bytes()
    assert refusal_of(path, longest_row=1_000_000).startswith(f"{path}, row 2: is longer than 1,000,000 bytes;")
    reader = iter(GroupReader(path, longest_row=5_000_000))
    assert [len(next(reader).prompt) for _ in range(30)] == [1, *[4_000_000] * 29]
    assert pa.total_allocated_bytes() - before < 100_000_000


def test_a_moment_that_python_has_not_is_a_bad_row(tmp_path):
    path = tmp_path / "late.parquet"
    moments = pa.array([0, 2**50, 0], pa.timestamp("s"))
    pq.write_table(pa.table({"prompt": ["first", "q", "last"], "responses": [["a"]] * 3, "when": moments}), path)
    said = refusal_of(path)
    assert said.startswith(f"{path}, row 2, field when: expected a timestamp[ms] that can be read (")
    kept = [Group(name, ["a"], meta={"when": "1970-01-01T00:00:00"}) for name in ("first", "last")]
    assert_left_out(path, kept, said)
