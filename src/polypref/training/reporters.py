"""Where a run's curves can be sent besides its log: the trackers that transformers knows."""

from __future__ import annotations

from collections.abc import Sequence

from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK, get_available_reporting_integrations

from polypref.errors import unknown
from polypref.training.config import ConfigError

_WORDS = ("all", "none")  # in the place of names: all that are installed, and none


def check_reporters(names: Sequence[str]) -> None:
    """Refuse a tracker that nobody knows, or that is not installed."""
    for name in names:
        if name not in (*INTEGRATION_TO_CALLBACK, *_WORDS):
            raise ConfigError(unknown("place to report to", name, INTEGRATION_TO_CALLBACK))
        if name not in (*_installed(), *_WORDS):
            raise ConfigError(
                f"report_to names {name}, which is not installed here; install it, or leave it out of report_to"
            )


def _installed() -> list[str]:
    return [*get_available_reporting_integrations(), "flyte"]  # type: ignore[no-untyped-call]  # looked for when used
