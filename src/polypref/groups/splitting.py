"""Splits by prompt: the same prompt is always on the same side, whatever the file, its order or its size."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping

from polypref.errors import DataError
from polypref.groups.model import Group


def prompt_key(group: Group) -> str:
    """What counts as the same prompt: its words, without regard to case, spacing, or being text or one user turn."""
    prompt = group.prompt
    text = prompt[0].content if not isinstance(prompt, str) and len(prompt) == 1 else group.prompt_text
    return " ".join(text.casefold().split())


def split_part(group: Group, shares: Mapping[str, float], seed: int = 0, purpose: str = "") -> str:
    """The part a group belongs to; depends on its prompt, the shares, the seed and the purpose alone.

    Splits of different purposes are drawn independently: what one of them set aside tells nothing about the other.
    """
    drawn = f"{seed}\n{prompt_key(group)}".encode(errors="surrogatepass")
    digest = hashlib.blake2b(drawn, digest_size=8, person=purpose.encode()).digest()
    at = int.from_bytes(digest, "big") / 2**64  # uniform on [0, 1)
    edge = 0.0
    for name, share in shares.items():
        edge += share
        if at < edge:
            return name
    return name  # the shares may add up to 1 less a rounding error


def split_groups(
    groups: Iterable[Group], shares: Mapping[str, float], seed: int = 0, purpose: str = ""
) -> dict[str, list[Group]]:
    """Groups by part, about `shares` of the prompts in each: `split_groups(groups, {"train": 0.9, "dev": 0.1})`.

    To split a part again, give another seed: with the same one, the groups of a part are where they were. A part may
    come out empty; `check_parts` refuses that.
    """
    check_shares(shares)
    parts: dict[str, list[Group]] = {name: [] for name in shares}
    for group in groups:
        parts[split_part(group, shares, seed, purpose)].append(group)
    return parts


def check_parts(sizes: Mapping[str, int], seed: int) -> None:
    """Refuse parts without a group, by the number of groups of each."""
    empty = [name for name, size in sizes.items() if not size]
    if empty:
        raise DataError(
            f"of {sum(sizes.values()):,} groups none falls into {' or '.join(empty)} with the seed {seed}: give "
            "another seed (a part that was split off with this one lies on one side), larger shares or more prompts"
        )


def check_shares(shares: Mapping[str, float]) -> None:
    """Refuse shares that are not positive or do not add up to 1."""
    if not shares or any(not share > 0 for share in shares.values()) or not math.isclose(sum(shares.values()), 1):
        given = ", ".join(f"{name}={share:g}" for name, share in shares.items()) or "none"
        raise DataError(f"expected positive shares that add up to 1, such as train=0.9,dev=0.1, got {given}")
