"""The command line as a whole: its version, its completion in a shell."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import polypref as package


def test_the_version_is_the_packages(polypref):
    run = polypref("--version")
    assert run.status == 0
    assert run.out == f"polypref {package.__version__}\n"
    assert not run.err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("polypref ins", ["inspect"]),
        ("polypref inspect --stop", ["--stop-at-bad"]),
        ("polypref c", ["convert", "customize", "clean"]),
    ],
)
def test_shells_are_told_how_words_go_on(words, expected):
    shell = os.environ | {
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
        "_POLYPREF_COMPLETE": "complete_bash",
    }
    code = "import sys; sys.argv[0] = 'polypref'\nfrom polypref.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], env=shell, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == expected


def test_completion_can_be_installed(polypref):
    run = polypref("--help")
    assert "--install-completion" in run.out
    assert "--show-completion" in run.out
