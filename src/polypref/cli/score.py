"""`polypref score`: a preference model's scores, written beside the data."""

from __future__ import annotations

from typing import Annotated

import typer

from polypref.cli import common


def score(
    name: common.ModelName,
    data: common.DataFiles,
    out: Annotated[str, typer.Option("--out", metavar="FILE", help=".jsonl, .jsonl.gz, .jsonl.zst, .parquet, or - .")],
    preferences: Annotated[
        bool, typer.Option("--preferences", help="Write the K × K preferences of each group too.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where a killed run stopped, from FILE.unfinished if there is one.")
    ] = False,
    person: common.PersonName = None,
    votes: common.VotesFile = None,
    domain: common.DomainName = None,
    format: common.FormatName = None,
    preferred: common.Preferred = None,
    columns: common.ColumnNames = None,
    skip_bad: common.SkipBad = False,
    without: common.Without = None,
    max_length: common.MaxLength = None,
    dtype: common.DtypeName = "float32",
    device: common.Device = None,
    trust_remote_code: common.TrustRemoteCode = False,
    state_token: common.StateTokenName = "checkpoint",
    json: common.Json = False,
) -> None:
    """Write what a preference model says of each group beside it, under the key "scores"."""
    sources = common.sources_of(
        data, format=format, preferred=preferred, columns=columns, skip_bad=skip_bad, without=without
    )
    total = sum(1 for _ in sources) if sources.are_files else 0  # a bad row is found before hours of work, not after

    from polypref.evaluation.scoring import Scorer, score_file
    from polypref.models.loading import Loading

    model = Loading(max_length, dtype, device, trust_remote_code, state_token).model(name, domain)
    model = common.seen_by(model, person, votes)
    scorer = Scorer(model, name, preferences)
    with common.progress_bar(name) as progress:
        done = score_file(
            scorer,
            sources.unwatched(),
            out,
            resume=resume,
            progress=lambda groups: progress("scoring with", groups, total),
        )
    for line in sources.left_out():
        common.note(line)
    common.note_cut(name, done.cut, model.inputs.max_length)
    common.note_by_general(model)
    result = {
        "model": name,
        **common.named_person(person, votes),
        **common.named_domain(model.domain),
        "groups": done.groups,
        "kept": done.kept,
        "cut_tokens": done.cut.tokens,
        "cut_groups": done.cut.groups,
        "out": out,
    }
    if json and out != "-":
        common.print_json(result)
        return
    kept = f", {done.kept:,} of them before" if done.kept else ""
    common.print_line(f"{out}: {done.groups:,} groups scored{kept}", stderr=out == "-")
