"""`polypref clean`: which labels to trust, what to do about the others, and how to undo it."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from polypref.cli import common


def clean(
    data: common.Data,
    out: Annotated[str, typer.Option("--out", metavar="FILE", help="The cleaned groups.")],
    model: Annotated[
        Optional[str],
        typer.Option(
            "--model",
            metavar="MODEL",
            help="What reads the responses: a preference model, or embedded:minilm.",
            show_default=False,
        ),
    ] = None,
    policy: Annotated[
        str,
        typer.Option("--policy", metavar="NAME", help="For doubted labels: flip, smooth, drop or margin."),
    ] = "flip",
    log: Annotated[
        Optional[str],
        typer.Option("--log", metavar="FILE", help="Every change and why; it can undo them.", show_default=False),
    ] = None,
    undo: Annotated[
        Optional[str],
        typer.Option(
            "--undo", metavar="LOG", help="Restore what was cleaned with this log instead.", show_default=False
        ),
    ] = None,
    against: Annotated[
        Optional[list[str]],
        typer.Option("--against", metavar="FILE", help="Data whose prompts must not occur.", show_default=False),
    ] = None,
    members: Annotated[int, typer.Option("--members", help="Models that vote on each label.")] = 16,
    folds: Annotated[int, typer.Option("--folds", help="Parts of the prompts, judged by models of the rest.")] = 5,
    ridge: Annotated[
        Optional[float],
        typer.Option("--ridge", help="Precision of the prior; as the votes have it if left out.", show_default=False),
    ] = None,
    seed: common.Seed = 0,
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
    """Find labels that are probably wrong, mend them by a policy, and report what else is wrong with the data."""
    from polypref.collection import cleaning
    from polypref.errors import PolyprefError
    from polypref.groups.sources import Sources
    from polypref.groups.writing import save_groups

    sources = common.sources_of(
        data, format=format, preferred=preferred, columns=columns, skip_bad=skip_bad, without=without
    )
    groups = sources.read(common.note)
    if undo is not None:
        save_groups(cleaning.undo(groups, undo), out)
        common.print_line(f"{out}: {len(groups):,} groups as they were before {undo}")
        return
    if model is None or log is None:
        raise PolyprefError("--model and --log are needed: what reads the responses, and where every change is kept")

    from polypref.collection.mending import mend
    from polypref.models.loading import Loading

    with common.progress_bar(model) as progress:
        done = mend(
            groups,
            out,
            log,
            model=model,
            policy=policy,
            against=Sources(against) if against else None,
            members=members,
            folds=folds,
            ridge=ridge,
            seed=seed,
            loading=Loading(max_length, dtype, device, trust_remote_code, state_token),
            progress=lambda groups_read: progress("reading with", groups_read, len(groups)),
        )
    if json:
        common.print_json(done.as_dict())
        return
    common.print_table(done.lines(), title=f"{out}: {len(groups):,} groups, policy {policy}; changes in {log}")
    common.print_table(done.evidence(), header=("suspect", "preferred", "over", "μ̂", "σ̂", "flipped"))
