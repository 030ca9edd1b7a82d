"""`polypref export`: a preference model as a plain reward model of one logit, for tools that read no more."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from polypref.cli import common
from polypref.errors import PolyprefError


def export(
    name: common.ModelName,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the reward model.")],
    baseline: Annotated[
        Optional[list[str]],
        typer.Option(
            "--baseline", metavar="FILE", help="Responses to compare with, for heads without a linear utility."
        ),
    ] = None,
    domain: common.DomainName = None,
    format: common.FormatName = None,
    preferred: common.Preferred = None,
    columns: common.ColumnNames = None,
    skip_bad: common.SkipBad = False,
    max_length: common.MaxLength = None,
    dtype: common.DtypeName = "float32",
    device: common.Device = None,
    trust_remote_code: common.TrustRemoteCode = False,
    json: common.Json = False,
) -> None:
    """Save a preference model as a reward model with one logit, and say what is lost."""
    sources = common.sources_of(
        baseline or [], format=format, preferred=preferred, columns=columns, skip_bad=skip_bad, without=None
    )
    groups = list(sources)
    for line in sources.left_out():
        common.note(line)
    if (out / "config.json").exists():
        raise PolyprefError(f"{out} already holds a model; choose another --out, or delete it first")

    from polypref.models.exporting import export_reward
    from polypref.models.loading import Loading

    model = Loading(max_length, dtype, device, trust_remote_code).model(name, domain)
    made = export_reward(model, out, groups)
    if json:
        common.print_json({"model": name, "out": str(out), "exact": made.exact, "agreement": made.agreement})
        return
    common.print_line(f"{out}: one logit, {_lost(made.exact, made.agreement)}")


def _lost(exact: bool, agreement: float | None) -> str:
    if exact:
        return "exactly the reward of a response"
    order = "" if agreement is None else f"; {agreement:.1%} of the pairs of the baseline's responses keep their order"
    return f"the linear map of the state that comes nearest to the reward{order}"
