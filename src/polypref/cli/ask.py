"""`polypref ask`: which pairs to show to people next, for a stated budget, and why each."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from polypref.cli import common


def ask(
    data: common.Data,
    budget: Annotated[int, typer.Option("--budget", metavar="N", help="How many pairs to ask about.")],
    out: Annotated[str, typer.Option("--out", metavar="FILE", help="The file of tasks.")],
    model: Annotated[
        Optional[str],
        typer.Option(
            "--model",
            metavar="MODEL",
            help="What reads the responses: a preference model, or embedded:minilm; random needs none.",
            show_default=False,
        ),
    ] = None,
    rule: Annotated[
        Optional[str],
        typer.Option(
            "--rule",
            metavar="NAME",
            help="random, uncertain, committee or design; with a model design if left out, without one random.",
            show_default=False,
        ),
    ] = None,
    per_group: Annotated[
        Optional[int],
        typer.Option("--per-group", metavar="N", help="At most so many pairs of a group.", show_default=False),
    ] = None,
    form: Annotated[
        str, typer.Option("--form", metavar="NAME", help="polypref, csv, argilla or label-studio.")
    ] = "polypref",
    error: Annotated[
        float, typer.Option("--error", help="A group whose best response is this surely wrong no longer needs asking.")
    ] = 0.05,
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
    """Choose which pairs to show to people next, and write them for an annotation tool."""
    from polypref.collection.inquiry import inquire
    from polypref.models.loading import Loading

    sources = common.sources_of(
        data, format=format, preferred=preferred, columns=columns, skip_bad=skip_bad, without=without
    )
    groups = sources.read(common.note)
    with common.progress_bar(model or "") as progress:
        done = inquire(
            groups,
            budget,
            out,
            model=model,
            rule=rule,
            per_group=per_group,
            form=form,
            error=error,
            ridge=ridge,
            seed=seed,
            loading=Loading(max_length, dtype, device, trust_remote_code, state_token),
            progress=lambda groups_read: progress("reading with", groups_read, len(groups)),
        )
    for line in done.notes:
        common.note(line)
    if json:
        common.print_json(done.as_dict())
        return
    rows = [(str(k), task.id, task.question.why) for k, task in enumerate(done.tasks[:10], 1)]
    title = f"{out}: {budget:,} of {done.open:,} open pairs, chosen by {done.rule}"
    common.print_table(rows, header=("", "id:response:response", "why"), title=title)
    if done.settled is not None:
        text = (
            f"the best response is settled at an error of {error:g} in {len(done.settled):,} of {len(groups):,} groups"
        )
        common.print_line(text)
