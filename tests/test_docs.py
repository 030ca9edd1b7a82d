"""The documentation does what it says: its commands run, its Python runs, its links lead somewhere, its site builds."""

from __future__ import annotations

import importlib
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from polypref.alignment.methods import markdown as methods_table
from polypref.groups.formats import all_formats
from polypref.objectives.table import markdown
from tests.conftest import ROOT
from tests.processes import Started, start, start_python

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\w+\.py)\n")  # how a block begins that is a file, which later blocks import


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text())


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_and_snippets_run(page: Path, tmp_path: Path) -> None:
    """Lines that start with `$ polypref` are run in order in one folder; so is the Python of the page."""
    ran = 0
    for language, text in blocks(page):
        if language == "python" and (file := FILE.match(text)):
            (tmp_path / file[1]).write_text(text)
            continue
        if language == "python":
            printed = printed_by(start_python(text, tmp_path), text)
            if page.name == "README.md" and "train(" in text:
                check_that_it_shows_something_learned(printed)
            ran += 1
            continue
        for line in text.splitlines():
            if line.startswith("$ polypref ") and "../" not in line:  # what needs data from elsewhere is only shown
                run_line(line.removeprefix("$ polypref "), tmp_path)
                ran += 1
    assert ran or not any("$ polypref" in text for _, text in blocks(page))


def run_line(line: str, folder: Path) -> None:
    """The words behind `polypref` of a line that a shell could read: words, quotes and `> FILE`."""
    assert not set(line) & set("|<*?$&;~`"), f"only a shell could run {line}"
    words, to, file = line.partition(" > ")
    printed = printed_by(start(*shlex.split(words), folder=folder), line)
    if to:
        (folder / file.strip()).write_text(printed)


def printed_by(process: Started, what: str) -> str:
    status, printed, told = process.ended(timeout=120)
    assert status == 0, f"{what}\n{told}"
    return printed


def check_that_it_shows_something_learned(printed: str) -> None:
    """The first matrix of preferences is no matrix of halves, and sides with the second, the truth."""
    matrices = [np.array(re.findall(r"[\d.]+", text), float) for text in re.findall(r"\[\[.*?\]\]", printed, re.DOTALL)]
    said, true = (matrix.reshape(3, 3)[np.triu_indices(3, 1)] - 0.5 for matrix in matrices)
    assert (np.sign(said) == np.sign(true)).all(), printed
    assert np.abs(said).min() > 0.05, printed


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_local_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        assert target.startswith("http") or (page.parent / target).exists(), target


def test_the_map_of_the_house_shows_every_folder() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    folders = {path.parent.name for path in (ROOT / "src" / "polypref").glob("*/__init__.py")}
    assert folders <= set(rows)
    assert len(rows) == len(set(rows))


def format_table() -> str:
    """The table of formats in docs/data.md, from the code."""
    lines = ["| `--format` | reads | written too (`--to`), keeping |", "|---|---|---|"]
    lines += [f"| `{fmt.name}` | {fmt.title} | {fmt.keeps or '–'} |" for fmt in all_formats().values()]
    return "\n".join(lines) + "\n"


def test_the_table_of_formats_is_that_of_the_code() -> None:
    assert format_table() in (DOCS / "data.md").read_text(), f"docs/data.md should hold:\n{format_table()}"


def test_the_table_of_heads_and_objectives_is_that_of_the_code() -> None:
    assert markdown() in (DOCS / "models.md").read_text(), f"docs/models.md should hold:\n{markdown()}"


def test_the_table_of_methods_is_that_of_the_code() -> None:
    assert methods_table() in (DOCS / "align.md").read_text(), f"docs/align.md should hold:\n{methods_table()}"


def test_the_page_of_commands_is_what_they_say_themselves() -> None:
    tool = runpy.run_path(str(DOCS / "tools" / "commands.py"))
    assert tool["page"]() == (DOCS / "commands.md").read_text(), "run python docs/tools/commands.py"


@pytest.mark.parametrize("package", ["polypref", "polypref.choice", "polypref.crowd", "polypref.objectives"])
def test_every_public_name_has_its_place_in_the_reference(package: str) -> None:
    shown = set(re.findall(r"^::: (\S+)$", "".join(page.read_text() for page in (DOCS / "api").glob("*.md")), re.M))
    names = importlib.import_module(package).__all__
    assert not [name for name in names if not {f"{package}.{name}", f"{package}.{name}.{name}"} & shown]


@pytest.mark.slow
def test_the_site_builds_strictly(tmp_path: Path) -> None:
    """Every link and every name leads somewhere; pages ask nothing of the network; the reference says it all."""
    for module in ("material", "mkdocstrings"):
        pytest.importorskip(module, reason="the site is built with the extra docs")
    site = tmp_path / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(ROOT / "mkdocs.yml"), "-d", str(site)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr

    for page in site.rglob("*.html"):
        for tag in re.findall(r"<(?:script|link|img|iframe|source)\b[^>]*>", page.read_text()):
            assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", tag), f"{page.name}: {tag}"

    reference = " ".join(re.sub(r"<[^>]+>", "", (site / "api" / "index.html").read_text()).split())
    assert "eval_groups: Data | None = None" in reference  # a signature with types
    assert "Train a preference model and save it in config.out." in reference  # a docstring
    assert "of the prompts, held out of data" in reference  # what is written behind a field


def test_papers_name_code_and_settings_that_are_there() -> None:
    page = (DOCS / "papers.md").read_text()
    named = set(re.findall(r"`([\w/]+(?:\.py|/))`", page)) - {"recipes/", "recipes/align/"}
    assert len(named) > 40
    assert [name for name in sorted(named) if not (ROOT / "src" / "polypref" / name).exists()] == []
    settings = set(re.findall(r"`([\w-]+\.yaml)`", page))
    assert [name for name in sorted(settings) if not (ROOT / "recipes" / name).exists()] == []
