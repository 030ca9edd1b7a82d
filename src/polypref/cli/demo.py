"""`polypref demo`: two simulated crowds, inspected, learned by three kinds of models, and shown in a report."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polypref.cli import common
from polypref.errors import DataError

if TYPE_CHECKING:
    from polypref.reporting.demonstration import Outcome
    from polypref.statistics.resampling import Estimate

_KINDS = {
    "scalar": "a score for each answer",
    "general": "preferences in circles",
    "distributional": "a crowd's opinions",
}


def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for data, models and the report.")] = Path(
        "demo-out"
    ),
    groups: Annotated[int, typer.Option("--groups", min=16, help="Prompts to simulate for each crowd.")] = 120,
    backbone: Annotated[str, typer.Option("--backbone", help="Model to start from.")] = "embedded:minilm",
    seed: common.Seed = 0,
) -> None:
    """Simulate a crowd with a cyclic taste and a divided one, train models on both, and report what each gets right."""
    from polypref.cli.inspect import show
    from polypref.groups.simulate import SCENARIOS
    from polypref.inspection.inspector import inspect_groups
    from polypref.reporting.demonstration import CAMPS, CYCLE, make_crowd, measure, train_model
    from polypref.reporting.page import write_chapters
    from polypref.training.progress import PlainReport

    begin = time.monotonic()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot be made a folder ({error.strerror})", file=out) from None
    outcomes: dict[str, Outcome] = {}
    of, number = len(CYCLE.models) + len(CAMPS.models), 0
    for crowd in (CYCLE, CAMPS):
        common.note(f"simulating {groups} prompts and a crowd: {SCENARIOS[crowd.scenario]}")
        parts = make_crowd(crowd, groups, out, seed)
        show(inspect_groups(parts.known, seed=seed), f"{parts.files[0]} · what inspecting it says")
        models = {}
        for name in crowd.models:
            number += 1
            common.note(
                f"training {number} of {of} ({time.monotonic() - begin:.0f} s so far): {name} on {crowd.scenario}"
            )
            models[name] = train_model(crowd, name, parts, out, backbone, seed, PlainReport())
        common.note(f"asking the models about {len(parts.asked)} prompts they have not seen")
        with common.progress_bar("the models") as progress:
            outcomes[crowd.scenario] = measure(crowd, parts, models, out, seed, progress)
    page = out / "report.html"
    write_chapters([outcome.chapter for outcome in outcomes.values()], "What the demo found", page)
    _show(outcomes[CYCLE.scenario], outcomes[CAMPS.scenario])
    common.print_line(f"The report, after {time.monotonic() - begin:.0f} s: {page.resolve()}")


def _show(cycle: Outcome, camps: Outcome) -> None:
    """The table that says what the demo is about."""
    most = "–" if cycle.most_of_a_score is None else f"{cycle.most_of_a_score:.0%}"
    rows = [
        ("(a coin)", "nothing", "50%", "–"),
        ("(the average)", "one opinion of all", "–", f"{camps.distance['constant']:.2f}"),
        ("(the best score)", "the truth, in one order", most, "–"),
    ]
    for name, kind in _KINDS.items():
        distance = f"{camps.distance[name]:.2f}" if name in camps.distance else "–"
        rows.append((name, kind, _share(cycle.right.get(name)), distance))
    header = ("model", "what it can say", "cycles right", "off the crowd")
    common.print_table(rows, header=header, title="On prompts no model has seen, against the simulated truth")
    print(
        f"""\
  cycles right: comparisons of the cyclic taste, in {cycle.asked} prompts, on which a model
    sides with the whole population, with the 95 % interval over prompts. A single
    score puts the answers in an order, and a circle has none: even the best score
    there is, chosen with the truth at hand, is right on {most} and no more.
    A distributional model learns from ratings, and there are none.
  off the crowd: labels, on a scale from 1 to 6, between the predicted and the true
    opinion of the divided crowd, in {camps.asked} prompts; 0 is perfect. One score says that
    everybody agrees on it; the average is that of all ratings learned from."""
    )


def _share(found: Estimate | None) -> str:
    if found is None:
        return "–"
    between = "" if found.low is None or found.high is None else f" [{100 * found.low:.0f}–{100 * found.high:.0f}]"
    return f"{found.value:.0%}{between}"
