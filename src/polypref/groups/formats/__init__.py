"""Outside formats, one file each. A module that defines FORMAT is found by its place; there is no list to edit."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from polypref.errors import DataError
from polypref.groups.formats.base import Format, Options, Row

__all__ = ["Format", "Options", "Row", "all_formats", "find_format", "recognise"]


@cache
def all_formats() -> Mapping[str, Format]:
    """Every format by name."""
    modules = (importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    formats = (vars(module)["FORMAT"] for module in modules if "FORMAT" in vars(module))
    return {fmt.name: fmt for fmt in sorted(formats, key=lambda fmt: fmt.name)}


def find_format(name: str) -> Format:
    """The format a user named."""
    formats = all_formats()
    if name not in formats:
        raise DataError(f"unknown format {name!r}; known are {', '.join(formats)}")
    return formats[name]


def recognise(rows: Sequence[Mapping[str, Any]]) -> Format:
    """The format of a file from its first rows: the most specific one that fits the first row that fits any."""
    for row in rows:
        fitting = [fmt for fmt in all_formats().values() if fmt.recognises(row)]
        surest = max((fmt.certainty(row) for fmt in fitting), default=None)
        best = [fmt for fmt in fitting if fmt.certainty(row) == surest]
        if len(best) > 1:
            names = " and ".join(fmt.name for fmt in best)
            raise DataError(f"the rows are of the forms {names} alike; name the one that is meant with --format")
        if best:
            return best[0]
    keys = ", ".join(" ".join(str(key).split()) for key in list(rows[0])[:12]) or "no keys"
    raise DataError(
        f"no known format has rows with {keys}; name one with --format ({', '.join(all_formats())}) "
        "or bring the rows into polypref's own form (prompt, responses, comparisons, ratings)"
    )
