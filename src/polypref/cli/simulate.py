"""`polypref simulate`: groups from a simulated population whose true opinion is known."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from polypref.cli import common


def simulate(
    scenario: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO",
            help="consensus, divided, polarised, hidden-context, domains, cyclic, skewed or drift.",
        ),
    ],
    out: Annotated[str, typer.Option("--out", metavar="FILE", help=".jsonl, .jsonl.gz, .jsonl.zst, .parquet, or - .")],
    groups: Annotated[int, typer.Option("--groups", min=1, help="Number of prompts.")] = 500,
    responses: Annotated[
        Optional[int],
        typer.Option(
            "--responses", min=2, help="Responses per prompt.", show_default="4; in cyclic, skewed, polarised: 3"
        ),
    ] = None,
    annotators: Annotated[int, typer.Option("--annotators", min=1, help="Size of the pool of annotators.")] = 40,
    votes: Annotated[int, typer.Option("--votes", min=1, help="Votes per pair and ratings per response.")] = 5,
    seed: common.Seed = 0,
    json: common.Json = False,
) -> None:
    """Simulate people's preferences over written responses; the true population is kept in each row's `truth`."""
    from polypref.groups.simulate import SCENARIOS, iter_simulated
    from polypref.groups.writing import GroupWriter

    simulated = iter_simulated(scenario, groups, responses=responses, annotators=annotators, votes=votes, seed=seed)
    comparisons = ratings = 0
    with GroupWriter(out) as writer:
        for group in common.counted(simulated, out, groups):
            writer.write(group)
            comparisons += len(group.comparisons)
            ratings += len(group.ratings)
    result = {"scenario": scenario, "groups": groups, "comparisons": comparisons, "ratings": ratings, "out": out}
    if json and out != "-":
        common.print_json(result)
        return
    rows = [(name, f"{value:,}" if isinstance(value, int) else str(value)) for name, value in result.items()]
    common.print_table(rows, title=SCENARIOS[scenario], stderr=out == "-")
