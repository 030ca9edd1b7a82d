"""Groups to a file in another format, or split by prompt to a file for each part."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from polypref.errors import DataError
from polypref.groups.model import NOTHING, Group
from polypref.groups.rows import STDIN
from polypref.groups.splitting import check_parts, split_part
from polypref.groups.writing import GroupWriter

_ENDING = re.compile(r"(\.[a-z]+(\.gz|\.zst)?)$")


@dataclass(frozen=True)
class Converted:
    """What was written, and how many groups were not, by reason."""

    files: list[GroupWriter]
    unwritten: dict[str, int]


def convert_groups(
    groups: Iterable[Group],
    out: str | Path,
    *,
    to: str = "polypref",
    shares: Mapping[str, float] = NOTHING,
    seed: int = 0,
    domain: str | None = None,
    skip_bad: bool = False,
) -> Converted:
    """Write groups, whole files or none.

    Args:
        groups: read as they are written.
        out: the file, or "-" for standard output; its ending names the container.
        to: the format.
        shares: parts and their shares of the prompts, such as {"train": 0.9, "dev": 0.1}: `out.jsonl` becomes
            `out.train.jsonl` and `out.dev.jsonl`.
        seed: of the split.
        domain: of the groups that name none.
        skip_bad: leave out groups that the format cannot hold, instead of stopping at the first.
    """
    if shares and str(out) == STDIN:
        raise DataError("--split writes one file a part, so --out needs a file name")
    paths = {name: _of_part(str(out), name) for name in shares} or {"": str(out)}
    unwritten: Counter[str] = Counter()
    with ExitStack() as stack:
        writers = {name: stack.enter_context(GroupWriter(path, format=to)) for name, path in paths.items()}
        for group in groups:
            if domain and group.domain is None:
                group = replace(group, domain=domain)
            try:
                writers[split_part(group, shares, seed) if shares else ""].write(group)
            except DataError as error:
                if not skip_bad:
                    raise
                unwritten[error.reason] += 1
        check_parts({name: writer.groups for name, writer in writers.items() if shares}, seed)  # before any is kept
    return Converted(list(writers.values()), dict(unwritten))


def _of_part(out: str, name: str) -> str:
    return _ENDING.sub(rf".{name}\1", out) if _ENDING.search(out) else f"{out}.{name}"
