"""A killed writer's leftovers are removed by the next one; a living one's are not."""

import signal
import subprocess
import sys

import pytest

from polypref.files import write_whole

WRITER = """
import sys, time
from polypref.files import whole_file
with whole_file(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_writer_left_is_removed_and_a_living_ones_part_is_not(tmp_path):
    path = tmp_path / "data.jsonl"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
        writer.stdout.readline()
        (part,) = tmp_path.iterdir()
        write_whole(path, "first")
        assert part.exists()
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    assert part.exists()
    write_whole(path, "second")
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "second"


def test_files_of_other_names_stay(tmp_path):
    others = [tmp_path / ".data.jsonl.gz.abcdefgh.part", tmp_path / ".data.jsonl.part", tmp_path / "data.jsonl.part"]
    for other in others:
        other.touch()
    write_whole(tmp_path / "data.jsonl", "text")
    assert all(other.exists() for other in others)


def test_a_failing_writer_leaves_the_old_text(tmp_path):
    path = tmp_path / "a.json"
    write_whole(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "a lone surrogate \ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
