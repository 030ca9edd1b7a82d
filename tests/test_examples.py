"""Every head and objective shows how it is used, in an example that runs."""

from __future__ import annotations

import doctest

import pytest

from polypref.models.heads import all_heads
from polypref.objectives import all_objectives

SHOWN = {**all_heads(), **all_objectives()}


@pytest.mark.parametrize("name", SHOWN)
def test_its_example_runs(name: str) -> None:
    kind = SHOWN[name]
    (test,) = doctest.DocTestFinder(recurse=False).find(kind, kind.__name__, globs={})
    lines = [example for example in test.examples if "import" not in example.source]
    assert 1 <= len(lines) <= 6, f"{kind.__name__} needs an example of a few lines"
    told: list[str] = []
    assert doctest.DocTestRunner().run(test, out=told.append).failed == 0, "".join(told)
