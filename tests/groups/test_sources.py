"""Whatever names data: files, patterns, tables, made groups, and several of these."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from polypref.errors import DataError
from polypref.groups.model import Comparison, Group, Rating
from polypref.groups.sources import Sources, load_groups
from polypref.groups.writing import save_groups

ROW = {"prompt": "q", "chosen": "a", "rejected": "b"}
PAIR = Group("q", ("a", "b"), (Comparison(0, 1),))
OTHER = Group("r", ("c", "d"), (Comparison(1, 0),))
TWICE = Group("q", ("a", "b"), (Comparison(0, 1), Comparison(0, 1)))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder `data` with two files of groups, one of another kind and a folder."""
    monkeypatch.chdir(tmp_path)
    Path("data/more.jsonl").mkdir(parents=True)
    save_groups([OTHER], "data/b.jsonl")
    save_groups([PAIR], "data/a.jsonl")
    save_groups([PAIR], "data/more.jsonl/c.parquet")
    Path("data/notes.txt").write_text("not these")
    return tmp_path


def test_a_pattern_stands_for_the_files_it_matches_in_their_order(folder):
    assert load_groups("data/*.jsonl") == [PAIR, OTHER]
    assert load_groups("data/[b].jsonl") == [OTHER]
    assert load_groups("data/**/*.parquet") == [PAIR]
    assert [reader.name for reader in Sources(["data/*.jsonl", "data/a.jsonl"]).readers] == [
        "data/a.jsonl",
        "data/b.jsonl",
        "data/a.jsonl",
    ]


def test_a_pattern_that_matches_nothing_is_one_sentence(folder):
    with pytest.raises(DataError) as refusal:
        load_groups("data/*.csv")
    assert str(refusal.value) == "data/*.csv: there is no file of this name, and none that it matches as a pattern"
    with pytest.raises(DataError, match=r"is no name of a file: it has a lone surrogate$"):
        load_groups("data\udc00/*.csv")


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(folder):
    save_groups([OTHER], "data/[a].jsonl")
    assert load_groups("data/[a].jsonl") == [OTHER]
    with pytest.raises(DataError, match=r"^org/name\[train\]: there is no such file, and the hub answered: "):
        load_groups("org/name[train]")


def test_several_sources_are_read_as_one(folder):
    both = [PAIR, OTHER]
    assert load_groups(["data/b.jsonl", "data/a.jsonl"]) == both[::-1]
    assert load_groups(Path("data").glob("[ab].jsonl")) in (both, both[::-1])
    assert load_groups(["data/*.jsonl", pd.DataFrame([ROW]), [ROW], OTHER]) == [
        Group("q", ("a", "b"), (Comparison(0, 1),) * 3),
        Group("r", ("c", "d"), (Comparison(1, 0),) * 2),
    ]


def test_made_groups_are_taken_as_they_are():
    assert load_groups([PAIR, OTHER, PAIR]) == [PAIR, OTHER, PAIR]
    assert load_groups(group for group in [PAIR, PAIR]) == [PAIR, PAIR]
    assert list(Sources([PAIR, PAIR], merge=True)) == [PAIR, PAIR]
    assert load_groups([PAIR, [ROW]]) == [TWICE]


def test_groups_of_one_prompt_in_one_source_become_one_where_that_is_asked(tmp_path):
    save_groups([PAIR, PAIR], tmp_path / "a.jsonl")
    assert load_groups(tmp_path / "a.jsonl") == [PAIR, PAIR]
    assert list(Sources(tmp_path / "a.jsonl", merge=True)) == [TWICE]


def test_no_source_is_no_data():
    assert list(Sources([])) == []
    with pytest.raises(DataError, match=r"^has no rows$"):
        load_groups([])
    with pytest.raises(DataError, match=r"^expected the name of a source, rows, a table or groups, got int$"):
        load_groups(5)
    with pytest.raises(DataError, match=r"^expected rows, got parts named prompt, chosen, rejected; give one of them$"):
        load_groups(ROW)


def test_sources_without_a_path_have_a_name_and_a_number():
    bad = {"prompt": "q", "chosen": "a"}
    frame, broken = pd.DataFrame([ROW]), pd.DataFrame([ROW, bad])
    with pytest.raises(DataError, match=r"^data frame 2, row 2, field rejected: is missing$"):
        load_groups([frame, broken])
    with pytest.raises(DataError, match=r"^list, row 1, field rejected: is missing$"):
        load_groups([frame, [bad]], format="trl")


def test_what_was_left_out_is_told_source_by_source(folder):
    Path("rows.jsonl").write_text('{"prompt": "q", "chosen": "a", "rejected": "b"}\n{"prompt": "q"}\n[]\n')
    sources = Sources(["rows.jsonl", [ROW, {**ROW, "rejected": ""}]], skip_bad=True)
    told: list[str] = []
    assert sources.read(told.append) == [TWICE]
    assert told == [
        "left out 2 of 3 rows of rows.jsonl; the first: rows.jsonl, row 2, field chosen: is missing",
        "left out 1 of 2 rows of list; the first: list, row 2, field rejected: is empty",
    ]
    assert sources.skipped == {
        "chosen: is missing": 1,
        "expected a JSON object with named fields": 1,
        "rejected: is empty": 1,
    }
    assert (sources.rows, sources.formats) == (5, ["trl"])
    assert str(sources.first_skipped) == "rows.jsonl, row 2, field chosen: is missing"
    assert Sources("rows.jsonl").are_files
    assert not sources.are_files


def test_a_bar_is_shown_while_a_source_is_read(folder):
    told: list[object] = []

    @contextmanager
    def bar(name):
        told.append(name)
        yield lambda stage, done, total: told.append((stage, done == total))
        told.append("done")

    sources = Sources("data/*.jsonl", watch=bar)
    assert list(sources) == [PAIR, OTHER]
    assert told == ["data/a.jsonl", ("reading", True), "done", "data/b.jsonl", ("reading", True), "done"]
    assert list(sources.unwatched()) == [PAIR, OTHER]
    assert len(told) == 6


def test_groups_may_be_changed_as_they_are_read():
    rated = Group("q", ("a", "b"), (), (Rating(0, 3, "ann"), Rating(1, 1, "ann")), "birds")
    (group,) = Sources([rated], pairs_from_ratings=True, without=["domain", "annotator"])
    assert group == Group("q", ("a", "b"), (Comparison(0, 1, margin=2),), (Rating(0, 3), Rating(1, 1)))


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet", ".json"])
def test_a_git_lfs_pointer_is_called_that(ending, tmp_path):
    path = tmp_path / f"data{ending}"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n")
    with pytest.raises(DataError) as refusal:
        load_groups(path)
    assert str(refusal.value) == (
        f"{path}: is a git-lfs pointer and not the data that it stands for; fetch these with git lfs pull"
    )
