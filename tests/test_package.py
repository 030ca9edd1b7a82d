"""The package as a whole: what importing it costs, where its imports may point, and what it must not mention."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import polypref

SOURCE = Path(polypref.__file__).parent

# a package may import those below it and itself
LAYERS = ["errors", "files", "groups", "crowd", "choice", "models", "objectives", "evaluation", "training"]
LAYERS += ["customization", "reporting", "cli"]
HEAVY = {"torch", "transformers", "datasets", "pandas", "matplotlib", "scipy", "numpy", "pydantic", "pyarrow", "rich"}


def loaded_by(code: str) -> set[str]:
    printed = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(' '.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in printed.stdout.split()}


def test_importing_polypref_loads_nothing_heavy() -> None:
    assert not loaded_by("import polypref") & HEAVY


def test_help_loads_nothing_heavy_but_its_own_printer() -> None:
    code = "import sys; sys.argv = ['', '--help']\nfrom polypref.cli import main\ntry: main()\nexcept SystemExit: pass"
    assert not loaded_by(code) & (HEAVY - {"rich"})


def test_groups_crowd_and_choice_never_load_torch() -> None:
    code = "import polypref.groups.reading, polypref.crowd, polypref.choice, polypref.evaluation.inspection"
    assert "torch" not in loaded_by(code)


def test_every_public_name_is_found_where_it_says() -> None:
    for name in polypref.__all__:
        assert getattr(polypref, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Grup'"):
        polypref.Grup  # noqa: B018


def test_imports_run_downwards() -> None:
    upwards = []
    for path in SOURCE.rglob("*.py"):
        layer = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        if layer not in LAYERS:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("polypref."):
                target = (node.module or "").split(".")[1]
                if LAYERS.index(target) > LAYERS.index(layer):
                    upwards.append(f"{path.name} imports {node.module}")
    assert not upwards


def test_choice_and_crowd_do_not_know_of_groups() -> None:
    for package in ("choice", "crowd"):
        assert all("polypref.groups" not in path.read_text() for path in (SOURCE / package).glob("*.py"))
