"""Groups to files: names of parts, what a format cannot hold, and nothing half done."""

from __future__ import annotations

import pytest

from polypref.errors import DataError
from polypref.groups.converting import convert_groups
from polypref.groups.model import Comparison, Group
from polypref.groups.sources import load_groups
from polypref.groups.splitting import split_groups

GROUPS = [Group(f"Prompt {k}?", ("a", "b"), (Comparison(0, 1),), domain="old" if k % 2 else None) for k in range(40)]
SHARES = {"train": 0.7, "dev": 0.3}


@pytest.mark.parametrize(
    ("out", "names"),
    [
        ("x.jsonl.gz", ["x.train.jsonl.gz", "x.dev.jsonl.gz"]),
        ("x.parquet", ["x.train.parquet", "x.dev.parquet"]),
    ],
)
def test_each_part_has_its_file(out, names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = convert_groups(GROUPS, out, shares=SHARES, seed=3)
    assert [writer.path for writer in done.files] == names
    parts = split_groups(GROUPS, SHARES, 3)
    assert [load_groups(name) for name in names] == list(parts.values())
    assert done.unwritten == {}


def test_a_domain_is_given_to_groups_that_have_none(tmp_path):
    convert_groups(iter(GROUPS), tmp_path / "x.jsonl", domain="new")
    assert [group.domain for group in load_groups(tmp_path / "x.jsonl")] == ["new", "old"] * 20


def test_what_a_format_cannot_hold_stops_or_is_counted(tmp_path):
    silent = [Group("Silent?", ("a", "b")), Group("Quiet?", ("a", "b")), *GROUPS]
    with pytest.raises(DataError, match="has no comparisons, and this format holds pairs"):
        convert_groups(silent, tmp_path / "x.jsonl", to="trl")
    assert not (tmp_path / "x.jsonl").exists()
    done = convert_groups(silent, tmp_path / "x.jsonl", to="trl", skip_bad=True)
    assert done.unwritten == {"has no comparisons, and this format holds pairs": 2}
    assert len(load_groups(tmp_path / "x.jsonl")) == 40


def test_parts_that_would_be_empty_are_not_written(tmp_path):
    with pytest.raises(DataError, match=r"^of 1 groups none falls into "):
        convert_groups(GROUPS[:1], tmp_path / "x.jsonl", shares=SHARES)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_parts_needs_an_ending(tmp_path):
    with pytest.raises(DataError, match=r"x.train: ends in .train, which is not written; expected .jsonl, "):
        convert_groups(GROUPS, tmp_path / "x", shares=SHARES)
    with pytest.raises(DataError, match=r"^--split writes one file a part, so --out needs a file name$"):
        convert_groups(GROUPS, "-", shares=SHARES)
