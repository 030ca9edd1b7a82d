"""`polypref people`: the clusters that annotators form, what each likes, and who is far from all."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from polypref.cli import common
from polypref.markup import cut

if TYPE_CHECKING:
    from polypref.groups.model import Group
    from polypref.people.clusters import Choice, Clusters
    from polypref.people.votes import Votes

_MOST = 5  # clusters that are tried
_TEXT, _FAR = 60, 10  # characters of a response, and persons, that are shown


def people(
    name: common.ModelName,
    data: common.DataFiles,
    clusters: Annotated[
        Optional[int],
        typer.Option("--clusters", min=1, help="How many; chosen by held-out votes if left out.", show_default=False),
    ] = None,
    features: Annotated[int, typer.Option("--features", min=1, help="Principal features of the backbone used.")] = 16,
    examples: Annotated[int, typer.Option("--examples", min=0, help="Pairs shown of each cluster.")] = 3,
    domain: common.DomainName = None,
    format: common.FormatName = None,
    columns: common.ColumnNames = None,
    skip_bad: common.SkipBad = False,
    without: common.Without = None,
    max_length: common.MaxLength = None,
    dtype: common.DtypeName = "float32",
    device: common.Device = None,
    trust_remote_code: common.TrustRemoteCode = False,
    state_token: common.StateTokenName = "checkpoint",
    seed: common.Seed = 0,
    json: common.Json = False,
) -> None:
    """Say which clusters the annotators form, what each likes, and who is far from all."""
    sources = common.sources_of(
        data, format=format, preferred=None, columns=columns, skip_bad=skip_bad, without=without
    )
    groups = [group for group in sources.read(common.note) if any(c.annotator is not None for c in group.comparisons)]

    from polypref.models.loading import Loading
    from polypref.people.cached import cached_votes
    from polypref.people.clusters import choose_clusters, fit_clusters
    from polypref.people.votes import SpellingWarning

    model = Loading(max_length, dtype, device, trust_remote_code, state_token).model(name, domain)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", SpellingWarning)
        votes, _ = cached_votes(model, groups, features)
    for warning in told:
        common.note(str(warning.message))
    choice = None
    if clusters is None:
        choice = choose_clusters(votes, range(1, min(_MOST, votes.people) + 1), seed=seed)
        clusters = choice.clusters
    found = fit_clusters(votes, clusters, seed=seed)
    described = {"model": name, **_described(groups, votes, found, choice, examples)}
    if json:
        common.print_json(described)
    else:
        _show(described)


def _described(
    groups: list[Group], votes: Votes, found: Clusters, choice: Choice | None, examples: int
) -> dict[str, Any]:
    from polypref.people.describing import far_from_all, likings

    texts = [(group.prompt_text, text) for group in groups for text in group.responses]
    members = [int((found.labels == k).sum()) for k in range(len(found.sizes))]
    return {
        "people": votes.people,
        "votes": len(votes),
        "log_losses": None if choice is None else {str(number): loss for number, loss in choice.losses.items()},
        "clusters": [
            {
                "share": float(size),
                "people": members[k],
                "likes": [
                    {
                        "prompt": texts[one.preferred][0],
                        "preferred": texts[one.preferred][1],
                        "to": texts[one.other][1],
                        "probability": one.within,
                        "elsewhere": one.elsewhere,
                    }
                    for one in liked
                ],
            }
            for k, (size, liked) in enumerate(zip(found.sizes, likings(votes, found, examples)))
        ],
        "far": [
            {"person": one.name, "votes": one.votes, "cluster": one.cluster + 1, "shortfall": one.shortfall}
            for one in far_from_all(votes, found)
        ],
    }


def _show(described: dict[str, Any]) -> None:
    clusters, losses = described["clusters"], described["log_losses"]
    common.print_line(f"{described['people']:,} persons, {described['votes']:,} votes, {len(clusters)} clusters")
    if losses:
        tried = [(number, f"{loss:.4f}") for number, loss in losses.items()]
        common.print_table(tried, header=("clusters", "log-loss of held-out votes"))
    for number, one in enumerate(clusters, 1):
        rows = [
            (_short(like["preferred"]), _short(like["to"]), f"{like['probability']:.2f}", f"{like['elsewhere']:.2f}")
            for like in one["likes"]
        ]
        title = f"cluster {number}: {one['people']:,} persons, {one['share']:.0%}"
        common.print_table(rows, header=("prefers", "to", "P", "P elsewhere"), title=title)
    far = described["far"]
    if not far:
        common.print_line("nobody is far from all clusters")
        return
    persons = [(one["person"], str(one["votes"]), str(one["cluster"]), f"{one['shortfall']:.1f}") for one in far[:_FAR]]
    title = f"far from all: {len(far):,} of {described['people']:,} persons"
    common.print_table(persons, header=("person", "votes", "nearest cluster", "standard deviations"), title=title)


def _short(text: str) -> str:
    return cut(" ".join(text.split()), _TEXT)
