"""`polypref convert`: any format in, polypref's own or another tool's out, whole or split by prompt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from polypref.cli import common

if TYPE_CHECKING:
    from polypref.groups.model import Group


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
    axioms: Annotated[
        Optional[str],
        typer.Option("--axioms", metavar="NAME,…", help="Add comparisons without annotators: relevance, corruption."),
    ] = None,
    split: Annotated[
        Optional[str],
        typer.Option("--split", metavar="SHARES", help="Split by prompt, e.g. train=0.9,dev=0.1; one file a part."),
    ] = None,
    seed: common.Seed = 0,
    json: common.Json = False,
) -> None:
    """Convert preference data between formats."""
    from polypref.groups.converting import convert_groups

    sources = common.sources_of(
        data,
        format=format,
        preferred=preferred,
        columns=columns,
        skip_bad=skip_bad,
        without=without,
        pairs_from_ratings=pairs_from_ratings,
    )
    shares = common.parse_shares(split) if split else {}
    groups: Iterable[Group] = sources
    if axioms is not None:
        from polypref.collection.axioms import add_axioms

        groups = add_axioms(list(sources), axioms.split(","), seed=seed)
    done = convert_groups(groups, out, to=to, shares=shares, seed=seed, domain=domain, skip_bad=skip_bad)
    for line in sources.left_out():
        common.note(line)
    for reason, count in done.unwritten.items():
        common.note(f"left out {count:,} groups that {to} cannot hold: {reason}")
    result = {
        "from": sources.formats,
        "to": to,
        "rows": sources.rows,
        "skipped": sources.skipped,
        "unwritten": done.unwritten,
        "files": {writer.path: {"groups": writer.groups, "rows": writer.rows} for writer in done.files},
    }
    if json and out != "-":
        common.print_json(result)
        return
    rows = [(w.path, f"{w.groups:,}", f"{w.rows:,}") for w in done.files]
    title = f"{sources.rows:,} rows of {', '.join(sources.formats)} → {to}"
    common.print_table(rows, header=("file", "groups", "rows"), title=title, stderr=out == "-")
