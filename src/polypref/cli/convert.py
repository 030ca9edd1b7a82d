"""`polypref convert`: any format in, polypref's own or another tool's out, whole or split by prompt."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import Annotated, Optional

import typer

from polypref.cli import common
from polypref.errors import DataError

_ENDING = re.compile(r"(\.[a-z]+(\.gz|\.zst)?)$")


def convert(
    data: common.Data,
    out: Annotated[str, typer.Option("--out", metavar="FILE", help=".jsonl, .jsonl.gz, .jsonl.zst, .parquet, or - .")],
    to: Annotated[str, typer.Option("--to", metavar="NAME", help="Format to write.")] = "polypref",
    format: common.FormatName = None,
    preferred: common.Preferred = None,
    columns: common.ColumnNames = None,
    skip_bad: common.SkipBad = False,
    without: common.Without = None,
    domain: Annotated[
        Optional[str], typer.Option("--domain", metavar="NAME", help="Domain of the groups that name none.")
    ] = None,
    pairs_from_ratings: Annotated[
        bool, typer.Option("--pairs-from-ratings", help="Add the comparisons that each annotator's ratings imply.")
    ] = False,
    split: Annotated[
        Optional[str],
        typer.Option("--split", metavar="SHARES", help="Split by prompt, e.g. train=0.9,dev=0.1; one file a part."),
    ] = None,
    seed: common.Seed = 0,
    json: common.Json = False,
) -> None:
    """Convert preference data between formats."""
    from collections import Counter
    from dataclasses import replace

    from polypref.groups.splitting import check_parts, split_part
    from polypref.groups.writing import GroupWriter

    shares = common.parse_shares(split) if split else {}
    if shares and out == "-":
        raise DataError("--split writes one file a part, so --out needs a file name")
    paths = {name: _ENDING.sub(rf".{name}\1", out) if _ENDING.search(out) else f"{out}.{name}" for name in shares}
    sources = common.sources_of(
        data,
        format=format,
        preferred=preferred,
        columns=columns,
        skip_bad=skip_bad,
        without=without,
        pairs_from_ratings=pairs_from_ratings,
    )
    unwritten: Counter[str] = Counter()  # reason → groups
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(GroupWriter(path, format=to)) for name, path in (paths or {"": out}).items()
        }
        for group in sources:
            if domain and group.domain is None:
                group = replace(group, domain=domain)
            try:
                writers[split_part(group, shares, seed) if shares else ""].write(group)
            except DataError as error:
                if not skip_bad:
                    raise
                unwritten[error.reason] += 1
        check_parts({name: writer.groups for name, writer in writers.items() if shares}, seed)  # before any is kept
    for line in sources.left_out():
        common.note(line)
    for reason, count in unwritten.items():
        common.note(f"left out {count:,} groups that {to} cannot hold: {reason}")
    result = {
        "from": sources.formats,
        "to": to,
        "rows": sources.rows,
        "skipped": sources.skipped,
        "unwritten": dict(unwritten),
        "files": {writer.path: {"groups": writer.groups, "rows": writer.rows} for writer in writers.values()},
    }
    if json and out != "-":
        common.print_json(result)
        return
    rows = [(w.path, f"{w.groups:,}", f"{w.rows:,}") for w in writers.values()]
    title = f"{sources.rows:,} rows of {', '.join(sources.formats)} → {to}"
    common.print_table(rows, header=("file", "groups", "rows"), title=title, stderr=out == "-")
