"""`polypref align`: a language model that learns from a preference model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from polypref.cli.common import INTERRUPTED, Json, note, print_json, print_table, put_setting

if TYPE_CHECKING:
    from polypref.alignment.recipe import Aligned
    from polypref.statistics.resampling import Estimate


def align(
    config: Annotated[Path, typer.Argument(help="YAML or JSON file with the settings.", show_default=False)],
    out: Annotated[Optional[Path], typer.Option("--out", help="Folder of the run; what is there is kept.")] = None,
    settings: Annotated[
        Optional[list[str]],
        typer.Option("--set", metavar="NAME=VALUE", help="Override a setting, such as method_settings.beta=0.5."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Align a language model with a preference model: sample, judge, fit, measure, and again."""
    from polypref.alignment.config import make_alignment_config
    from polypref.training.config import read_settings
    from polypref.training.places import taken_from

    given: dict[str, Any] = taken_from(read_settings(config), config.parent, note)
    if out:
        given["out"] = str(out)
    for setting in settings or ():
        put_setting(given, setting)
    made = make_alignment_config(given)

    from polypref.alignment.recipe import align as run
    from polypref.training.progress import PlainReport

    try:
        found = run(made, PlainReport())
    except KeyboardInterrupt:
        note(f"stopped; what is finished in {made.out} is kept, and the same command goes on from there")
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json(found.to_dict())
        return
    _show(found)
    print(f"{found.policy}: a policy aligned by {made.method}")


def _show(found: Aligned) -> None:
    rows = []
    for at, one in enumerate(found.measured):
        against = (
            ("", "")
            if one.versus is None
            else (_interval(one.versus.win_rate), _interval(one.versus.length_controlled))
        )
        rows.append(
            (
                str(at) if at else "before",
                *against,
                _interval(one.divergence),
                f"{one.texts.length.value:,.0f}",
                f"{one.texts.distinct_2:.2f}",
            )
        )
    if rows:
        header = ("after iteration", "wins", "at equal lengths", "KL in nats", "characters", "distinct pairs of words")
        print_table(rows, header=header, title="On held-out prompts, against the policy before alignment")


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"
