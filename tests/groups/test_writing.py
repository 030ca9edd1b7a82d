"""A file appears whole or not at all, and what was there before stays until then."""

import os
import stat
from pathlib import Path

import pytest

from polypref.errors import DataError
from polypref.groups.model import Comparison, Group
from polypref.groups.sources import load_groups
from polypref.groups.writing import GroupWriter, save_groups

ENDINGS = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet")
SOME = [Group(f"prompt {k}", ["a", "b"], [Comparison(0, 1)]) for k in range(3)]
BROKEN = Group("a lone surrogate \ud800", ["a"])


def failing_halfway(error):
    yield from SOME
    raise error


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("error", [DataError("bad row"), RuntimeError("bug"), KeyboardInterrupt()], ids=repr)
def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(ending, error, tmp_path):
    path = tmp_path / f"data{ending}"
    save_groups(SOME[:1], path)
    before = path.read_bytes()
    with pytest.raises(type(error)):
        save_groups(failing_halfway(error), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_writer_that_fails_leaves_no_new_file(ending, tmp_path):
    with pytest.raises(RuntimeError):
        save_groups(failing_halfway(RuntimeError("bug")), tmp_path / f"data{ending}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_group_that_cannot_be_written_is_named_and_nothing_is_left(ending, tmp_path):
    with pytest.raises(DataError, match=r"has a lone surrogate '\\ud800', which is not text$") as refusal:
        save_groups([*SOME, BROKEN], tmp_path / f"data{ending}")
    assert ending == ".parquet" or str(refusal.value).startswith("group 4: ")
    assert list(tmp_path.iterdir()) == []


def test_the_new_file_appears_only_when_the_writer_is_done(tmp_path):
    path = tmp_path / "data.jsonl"
    with GroupWriter(path) as writer:
        for group in SOME:
            writer.write(group)
        assert not path.exists()
    assert load_groups(path) == SOME
    assert (writer.groups, writer.rows) == (3, 3)


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_groups_are_a_file_without_rows(ending, tmp_path):
    path = tmp_path / f"data{ending}"
    save_groups([], path)
    with pytest.raises(DataError) as refusal:
        load_groups(path)
    assert str(refusal.value) == f"{path}: has no rows"


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_same_groups_give_the_same_bytes(ending, tmp_path):
    one, two = tmp_path / f"one{ending}", tmp_path / f"two{ending}"
    save_groups(SOME, one)
    os.utime(one, (0, 0))
    save_groups(iter(SOME), two)
    assert one.read_bytes() == two.read_bytes()


def test_a_link_stays_a_link_to_the_new_file(tmp_path):
    target, link = tmp_path / "target.jsonl", tmp_path / "link.jsonl"
    save_groups(SOME[:1], target)
    link.symlink_to(target)
    save_groups(SOME, link)
    assert link.is_symlink()
    assert load_groups(target) == SOME


def test_a_device_stays_a_device():
    save_groups(SOME, "/dev/null")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_reported():
    with pytest.raises(DataError, match=r"^/dev/full: cannot be written \(No space left on device\)$"):
        save_groups(SOME, "/dev/full")


def test_a_new_file_has_the_permissions_any_new_file_has(tmp_path):
    save_groups(SOME, tmp_path / "data.jsonl")
    (tmp_path / "plain").touch()
    assert (tmp_path / "data.jsonl").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_long_name_is_no_obstacle(tmp_path):
    path = tmp_path / ("n" * 240 + ".jsonl")
    save_groups(SOME, path)
    assert load_groups(path) == SOME


def test_a_folder_is_not_overwritten(tmp_path):
    with pytest.raises(DataError) as refusal:
        save_groups(SOME, tmp_path)
    assert str(refusal.value) == f"{tmp_path}: cannot be written (is a folder)"


def test_a_folder_that_does_not_exist_is_not_made(tmp_path):
    path = tmp_path / "nowhere" / "data.jsonl"
    with pytest.raises(DataError) as refusal:
        save_groups(SOME, path)
    assert str(refusal.value) == f"{path}: cannot be written (No such file or directory)"
