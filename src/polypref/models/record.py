"""The record of a model's training, as `config.json` keeps it: a stranger may have written it, and nothing needs it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError


class Source(BaseModel):
    """One of the places that data came from."""

    name: str  # of a file, without its folder, or an id on the hub
    on_hub: bool = False


class Data(BaseModel):
    """Groups that a model was trained on, or measured on."""

    groups: int
    comparisons: int
    ratings: int
    fingerprint: str
    sources: list[Source] = []


class Record(BaseModel):
    """What is known of a training; other entries are kept as they are."""

    model_config = ConfigDict(extra="allow")

    metrics: dict[str, FiniteFloat] = {}  # on the groups held out
    intervals: dict[str, tuple[FiniteFloat, FiniteFloat]] = {}  # 95 %, by metric
    data: Data | None = None
    held_out: Data | None = None

    def others(self) -> dict[str, str | int | float]:
        """The plain entries beside these, by name."""
        kept = {name: value for name, value in (self.model_extra or {}).items() if isinstance(value, (str, int, float))}
        return {name: kept[name] for name in sorted(kept.keys() - {"polypref"})}


def read_record(block: Any) -> dict[str, Any]:
    """The record in our block of a configuration; empty where there is none that can be read."""
    found = block.get("training") if isinstance(block, dict) else None
    try:
        Record.model_validate(found)
    except ValidationError:
        return {}
    return dict(found or {})
