"""What a model keeps of the data it was trained on: counts, names and a fingerprint, and no folders of a machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from polypref.groups.fingerprint import fingerprint
from polypref.groups.model import Group
from polypref.training.data import Tally


def data_record(
    names: Sequence[str],
    groups: Sequence[Group],
    tally: Tally,
    held_out_names: Sequence[str],
    held_out: Sequence[Group],
    held_out_tally: Tally,
) -> dict[str, dict[str, Any]]:
    """The parts of a record that tell of the groups trained on and of those held out, if any."""
    record = {"data": _part(names, groups, tally)}
    return {**record, "held_out": _part(held_out_names, held_out, held_out_tally)} if held_out else record


def _part(names: Sequence[str], groups: Sequence[Group], tally: Tally) -> dict[str, Any]:
    counts = {"groups": tally.groups, "comparisons": tally.comparisons, "ratings": tally.ratings}
    return {"sources": [_source(name) for name in names], "fingerprint": fingerprint(groups), **counts}


def _source(name: str) -> dict[str, Any]:
    """A file by its name alone, or a data set by its id on the hub."""
    on_hub = name.count("/") == 1 and not Path(name).exists()
    return {"name": name if on_hub else Path(name).name, "on_hub": on_hub}
