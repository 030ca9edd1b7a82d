"""The documentation does what it says: its commands run, its Python runs, its links lead somewhere."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from polypref.groups.formats import all_formats
from polypref.objectives.table import markdown
from tests.conftest import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text())


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_snippets_run(page: Path, tmp_path: Path) -> None:
    """Lines that start with `$ polypref` are run in order in one folder; so is the Python of the page."""
    polypref = shlex.join([sys.executable, "-c", "from polypref.cli import main; main()"])
    ran = 0
    for language, text in blocks(page):
        if language == "python":
            subprocess.run([sys.executable, "-W", "error", "-c", text], cwd=tmp_path, check=True, timeout=120)
            ran += 1
            continue
        for line in text.splitlines():
            if line.startswith("$ polypref ") and "../" not in line:  # what needs data from elsewhere is only shown
                command = f"{polypref} {line.removeprefix('$ polypref ')}"
                done = subprocess.run(
                    ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=120
                )
                assert done.returncode == 0, f"{line}\n{done.stderr}"
                ran += 1
    assert ran or not any("$ polypref" in text for _, text in blocks(page))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_local_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        assert target.startswith("http") or (page.parent / target).exists(), target


def format_table() -> str:
    """The table of formats in docs/data.md, from the code."""
    lines = ["| `--format` | reads | written too (`--to`), keeping |", "|---|---|---|"]
    lines += [f"| `{fmt.name}` | {fmt.title} | {fmt.keeps or '–'} |" for fmt in all_formats().values()]
    return "\n".join(lines) + "\n"


def test_the_table_of_formats_is_that_of_the_code() -> None:
    assert format_table() in (ROOT / "docs" / "data.md").read_text(), f"docs/data.md should hold:\n{format_table()}"


def test_the_table_of_heads_and_objectives_is_that_of_the_code() -> None:
    assert markdown() in (ROOT / "docs" / "models.md").read_text(), f"docs/models.md should hold:\n{markdown()}"
