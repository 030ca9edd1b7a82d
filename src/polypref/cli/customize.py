"""`polypref customize`: a general model and one per domain, and what customising gains and loses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from polypref.cli.common import INTERRUPTED, Json, SkipBad, note, print_json, print_table, put_setting

if TYPE_CHECKING:
    from polypref.customization.few_shot import LearningCurve
    from polypref.customization.sweep import SweepRow
    from polypref.customization.tradeoff import Tradeoff
    from polypref.statistics.resampling import Estimate


def customize(
    config: Annotated[Path, typer.Argument(help="YAML or JSON file with the stages' settings.", show_default=False)],
    out: Annotated[
        Optional[Path], typer.Option("--out", help="Folder of the models; finished parts in it are kept.")
    ] = None,
    settings: Annotated[
        Optional[list[str]],
        typer.Option("--set", metavar="NAME=VALUE", help="Override a setting, such as domains.enrichment=0.3."),
    ] = None,
    ray: Annotated[
        Optional[str],
        typer.Option(
            "--ray",
            metavar="ADDRESS",
            help="Run the sweep's settings on a Ray cluster: its address, auto, or local to start one here.",
            show_default=False,
        ),
    ] = None,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Customise a preference model for domains, and measure what that costs in general ability."""
    from polypref.customization.config import make_customize_config
    from polypref.training.config import load_config
    from polypref.training.places import SECTIONS, taken_from

    given: dict[str, Any] = taken_from(load_config(config), config.parent, note)
    if out:
        given["out"] = str(out)
    for part in SECTIONS:
        if skip_bad and given.get(part):
            put_setting(given, f"{part}.skip_bad=true")
    for setting in settings or ():
        put_setting(given, setting)
    made = make_customize_config(given)

    from polypref.customization.recipe import customize as run
    from polypref.training.progress import PlainReport

    try:
        found = run(made, PlainReport(), ray)
    except KeyboardInterrupt:
        note(f"stopped; what is finished in {made.out} is kept, and the same command goes on from there")
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json(found.to_dict())
        return
    if found.domains:
        _show_domains(found.domains)
    if found.sweep:
        _show_sweep(found.sweep)
    for name, curve in found.few_shot.items():
        _show_curve(name, curve)
    print(f"{found.out}: {', '.join(['the general model', *found.domains]) if made.general else 'an instructed model'}")


def _show_domains(domains: Mapping[str, Tradeoff]) -> None:
    rows = []
    for name, found in domains.items():
        before, after, best = found.before, found.after, found.recommended
        at = _place(best.step, best.alpha)
        gained, lost = _signed(after.gained), _signed(after.lost)
        rows.append((f"{name} ({at})", "domain", f"{before.domain.value:.3f}", f"{after.domain.value:.3f}", gained))
        rows.append(("", "general", f"{before.mean.value:.3f}", f"{after.mean.value:.3f}", f"lost {lost}"))
        for one, then in before.general.items():
            now = after.general[one].value
            rows.append(("", f"  {one}", f"{then.value:.3f}", f"{now:.3f}", f"lost {then.value - now:+.3f}"))
    header = ("recommended", "accuracy", "before", "after", "gained, or lost")
    print_table(rows, header=header, title="On the test sets: the general model before, the recommended one after")


def _place(step: int, alpha: float | None) -> str:
    """Where on the way from the general to the customised model."""
    return f"step {step}" if alpha is None else f"α = {alpha:g}"


def _show_sweep(rows: list[SweepRow]) -> None:
    print_table(
        [
            (row.setting, row.domain, _place(row.step, row.alpha), f"{row.chosen.domain.value:.3f}",
             f"{row.chosen.mean.value:.3f}", f"{row.after.domain.value:.3f}", _signed(row.after.gained),
             f"{row.after.mean.value:.3f}", _signed(row.after.lost))
            for row in rows
        ],
        header=("setting", "domain", "recommended", "domain", "general", "test: domain", "test: gained",
                "test: general", "test: lost"),
        title="Recommended model of each setting, on the choosing sets and, not to choose by, on the test sets",
    )  # fmt: skip


def _show_curve(name: str, curve: LearningCurve) -> None:
    print_table(
        [
            (f"{point.comparisons:,}", _interval(point.customised), _interval(point.scratch))
            for point in curve.points
        ],
        header=("comparisons", "from the general model", "from scratch"),
        title=f"Few-shot accuracy on {name} (the general model alone: {_interval(curve.general)})",
    )  # fmt: skip


def _signed(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:+.3f}"
    return f"{estimate.value:+.3f} ({estimate.low:+.3f} to {estimate.high:+.3f})"


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"
