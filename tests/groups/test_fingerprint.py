"""Fingerprints of groups."""

from __future__ import annotations

from polypref import simulate
from polypref.groups.fingerprint import fingerprint


def test_the_fingerprint_is_that_of_what_the_groups_say():
    groups = simulate("consensus", 4)
    assert fingerprint(groups) == fingerprint(simulate("consensus", 4))
    assert len({fingerprint(groups), fingerprint(groups[:3]), fingerprint(groups[::-1]), fingerprint([], groups)}) == 4
