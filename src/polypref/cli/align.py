"""`polypref align`: a language model that learns from a preference model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from polypref.cli.common import INTERRUPTED, Json, note, print_json, print_table, put_setting
from polypref.cli.tournament import interval, show

if TYPE_CHECKING:
    from polypref.alignment.recipe import Aligned
    from polypref.evaluation.policies import Versus


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
    won = any(one.versus for one in found.measured)
    rows = [
        (
            str(at) if at else "before",
            *((*_wins(measured.versus), *_wins(measured.versus_last)) if won else ()),
            interval(measured.divergence),
            interval(measured.entropy),
            f"{measured.texts.length.value:,.0f}",
            f"{measured.texts.distinct_2:.2f}",
            f"{measured.texts.empty:.0%}",
        )
        for at, measured in enumerate(found.measured)
    ]
    wins = ("wins", "at equal lengths", "wins against the last", "at equal lengths") if won else ()
    header = (
        "after iteration",
        *wins,
        "KL in nats",
        "entropy in nats",
        "characters",
        "distinct pairs of words",
        "empty",
    )
    if rows:
        print_table(rows, header=header, title="On held-out prompts, against the policy before alignment and the last")
    if found.game is not None:
        show(found.game)


def _wins(found: Versus | None) -> tuple[str, str]:
    return ("–", "–") if found is None else (interval(found.win_rate), interval(found.length_controlled))
