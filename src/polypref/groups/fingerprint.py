"""A short name for data: what they say, in which order, wherever they lie."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from polypref.groups.model import Group
from polypref.groups.writing import to_rows


def fingerprint(*parts: Iterable[Group]) -> str:
    """A digest of groups in parts: 32 hexadecimal digits, others for other groups, parts or orders."""
    found = hashlib.blake2b(digest_size=16)
    for part in parts:
        for row in to_rows(part):
            found.update(json.dumps(row, default=str).encode())
        found.update(b"\n")  # rows have none
    return found.hexdigest()
