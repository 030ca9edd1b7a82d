"""`polypref demo` from beginning to end, with few prompts and a tiny backbone."""

from __future__ import annotations

import pytest

from polypref import PreferenceModel
from polypref.reporting.demonstration import LABELS


@pytest.mark.slow
def test_the_demo_ends_with_a_table_and_a_report_and_can_be_run_again(polypref, backbone, tmp_path):
    for _ in range(2):
        run = polypref("demo", "--out", tmp_path / "out", "--groups", 16, "--backbone", backbone)
        assert run.status == 0, run.err
    for words in (
        "cycles right",
        "off the crowd",
        "(a coin)",
        "50%",
        "(the best score)",
        "67%",
        str(tmp_path / "out" / "report.html"),
    ):
        assert words in run.out
    for number in range(1, 5):
        assert f"training {number} of 4" in run.err
    page = (tmp_path / "out" / "report.html").read_text()
    assert "A taste that runs in circles" in page
    assert "A divided crowd" in page
    assert PreferenceModel.from_pretrained(tmp_path / "out" / "polarised" / "distributional").labels == LABELS
