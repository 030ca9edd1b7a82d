"""The package as a whole: what importing it costs, where its imports may point, and what it must not mention."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import polypref
from polypref.models.heads import all_heads

SOURCE = Path(polypref.__file__).parent

# what stands in one line may not import each other, only what stands below; `polypref` itself is for what runs on top
LAYERS = (
    ("errors",),
    ("drawing", "files", "markup"),
    ("notebook",),
    ("groups",),
    ("crowd", "choice", "statistics"),
    ("models",),
    ("objectives",),
    ("evaluation",),
    ("training", "inspection"),
    ("alignment", "collection", "customization", "people"),
    ("reporting", "serving"),
    ("cli",),
    ("__init__", "__main__"),
)
HEIGHTS = {name: height for height, names in enumerate(LAYERS) for name in names}
PUBLIC = vars(polypref)["_PLACES"]
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
    modules = "groups.reading", "crowd", "choice", "statistics.comparing", "inspection.inspector"
    code = "; ".join(f"import polypref.{module}" for module in modules)
    assert "torch" not in loaded_by(code)


def test_every_public_name_is_found_where_it_says() -> None:
    for name in polypref.__all__:
        assert getattr(polypref, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Grup'"):
        polypref.Grup  # noqa: B018


def imported(path: Path) -> set[str]:
    """The folders of polypref that a file imports from, also within functions and for types alone."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == "polypref":
                first = rest.partition(".")[0]
                found.add(PUBLIC.get(first, first).partition(".")[0])
    return found - {"__version__", ""}


def test_imports_run_downwards() -> None:
    upwards = []
    for path in SOURCE.rglob("*.py"):
        room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        for target in imported(path) - {room}:
            if HEIGHTS[target] >= HEIGHTS[room]:
                upwards.append(f"{path.relative_to(SOURCE)} imports {target}")
    assert not upwards


def test_every_folder_has_its_place() -> None:
    rooms = {path.name.removesuffix(".py") for path in SOURCE.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert rooms - {"__pycache__"} == set(HEIGHTS)


def test_an_import_of_a_public_name_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "file.py"
    file.write_text("def late():\n    from polypref import PreferenceModel, choice\n    import polypref.cli.train")
    assert imported(file) == {"models", "choice", "cli"}


def test_public_names_are_listed_as_their_types_say() -> None:
    """Type checkers read the imports under TYPE_CHECKING, a program reads the places: both name the same."""
    typed = {}
    for node in ast.walk(ast.parse((SOURCE / "__init__.py").read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("polypref."):
            typed.update({alias.name: node.module.removeprefix("polypref.") for alias in node.names})
    assert typed == PUBLIC


# (place, head) → why the place names it: a head is meant for a reason, or the word means something else
NAMED_ON_PURPOSE = {
    ("reporting/demonstration.py", "scalar"): "the demonstration trains the heads that its story is about",
    ("reporting/demonstration.py", "general"): "as above",
    ("reporting/demonstration.py", "distributional"): "as above",
    ("cli/demo.py", "scalar"): "the demonstration says in words what each of its models is",
    ("cli/demo.py", "general"): "as above",
    ("cli/demo.py", "distributional"): "as above",
    ("models/customized.py", "general"): "the folder of the general model, which is no head",
    ("cli/customize.py", "general"): "the general model's row, which is no head",
    ("training/places.py", "general"): "the settings of the general model, which is no head",
    ("customization/", "general"): "what is said of the general model, which is no head",
    ("evaluation/scoreboard.py", "pair"): "a pair of responses is counted",
    ("inspection/screen.py", "pair"): "a pair of responses is counted",
}


def named_heads(path: Path) -> set[str]:
    """The heads that a file names in quotes, wherever that is."""
    texts = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
    return texts & set(all_heads())


def test_nothing_outside_a_heads_file_names_a_head() -> None:
    heads = SOURCE / "models" / "heads"
    files = [path for path in SOURCE.rglob("*.py") if path.parent != heads or path.stem in ("__init__", "base")]
    naming = {(path.relative_to(SOURCE).as_posix(), head) for path in files for head in named_heads(path)}
    reasons = {
        (file, head): [(place, name) for place, name in NAMED_ON_PURPOSE if file.startswith(place) and name == head]
        for file, head in naming
    }
    assert not [where for where, found in reasons.items() if not found]
    assert {reason for found in reasons.values() for reason in found} == set(NAMED_ON_PURPOSE), "no longer needed"


def test_a_quoted_head_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "file.py"
    file.write_text("if head == 'scalar' or settings['head'] in ('general', 'other'):\n    pass")
    assert named_heads(file) == {"scalar", "general"}


def test_choice_and_crowd_do_not_know_of_groups() -> None:
    for package in ("choice", "crowd"):
        assert all("polypref.groups" not in path.read_text() for path in (SOURCE / package).glob("*.py"))
