"""Places to report to: known and installed, or refused in one sentence."""

from __future__ import annotations

import pytest

from polypref.training import reporters
from polypref.training.config import ConfigError
from polypref.training.reporters import check_reporters


def test_all_none_and_what_is_installed_are_taken(monkeypatch) -> None:
    monkeypatch.setattr(reporters, "get_available_reporting_integrations", lambda: ["mlflow"])
    check_reporters([])
    check_reporters(["all", "none", "mlflow"])


def test_others_are_refused(monkeypatch) -> None:
    monkeypatch.setattr(reporters, "get_available_reporting_integrations", list)
    with pytest.raises(ConfigError, match="unknown place to report to 'mlfow'"):
        check_reporters(["mlfow"])
    with pytest.raises(
        ConfigError, match="report_to names mlflow, which is not installed here; install it, or leave it"
    ):
        check_reporters(["mlflow"])
