"""`polypref tournament`: policies against each other, by their answers to the same prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from polypref.cli import common

if TYPE_CHECKING:
    from polypref.evaluation.tournament import PolicyGame
    from polypref.statistics.resampling import Estimate


def tournament(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN…",
            help="Folders of polypref align, of one of their iterations, or files of answers.",
            show_default=False,
        ),
    ],
    judge: Annotated[
        str, typer.Option("--judge", metavar="MODEL", help="A preference model that took no part.", show_default=False)
    ],
    guide_may_judge: Annotated[
        bool, typer.Option("--guide-may-judge", help="Accept a judge that guided one of the runs.")
    ] = False,
    resamples: Annotated[int, typer.Option("--resamples", min=1, help="Resamples of prompts for intervals.")] = 1000,
    json: common.Json = False,
) -> None:
    """Let policies play against each other: who wins how often, and the mixture of them that none beats."""
    from polypref.alignment.contests import contest

    game = contest(runs, judge, guide_may_judge=guide_may_judge, resamples=resamples)
    if json:
        common.print_json({"judge": judge, **game.to_dict()})
    else:
        show(game)


def show(game: PolicyGame) -> None:
    """Print a game for people."""
    rows = [
        (name, *(f"{rate.value:.3f}" for rate in rates), interval(share), interval(gap))
        for name, rates, share, gap in zip(game.policies, game.win_rates, game.equilibrium, game.gaps)
    ]
    common.print_table(
        rows,
        header=("policy", *(f"against {name}" for name in game.policies), "share of the equilibrium", "duality gap"),
        title=f"How often the policy of the row wins, on {game.prompts:,} prompts",
    )


def interval(estimate: Estimate) -> str:
    """A number with its interval, where it has one."""
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"
