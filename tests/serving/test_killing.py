"""The service is killed while clients vote: every acknowledged vote is there, once."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytest.importorskip("uvicorn", reason="services are run by uvicorn")


@pytest.mark.slow
def test_acknowledged_votes_survive_five_kills(tmp_path: Path) -> None:
    survived = runpy.run_path(str(ROOT / "benchmarks" / "serving_kills.py"))["survived"]
    told = survived(tmp_path, kills=5)
    assert told["acknowledged"] >= 25
    assert (told["lost"], told["twice"]) == (0, 0)
    assert told["acknowledged"] <= told["rows"] <= told["acknowledged"] + 4 * 5, "at most what was on its way"
