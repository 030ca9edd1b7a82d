"""`polypref rank`: the responses of each group, best first, under a named rule."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from polypref.cli import common
from polypref.errors import PolyprefError
from polypref.markup import cut

if TYPE_CHECKING:
    from polypref.evaluation.ranking import Ranked

_PROMPT, _RESPONSE, _SOURCE = 60, 36, 16  # characters shown
_MEANING = {
    "borda": "mean P(wins)",
    "copeland": "share beaten",
    "kemeny": "P(beats next)",
    "lottery": "probability",
    "utility": "utility",
}


def rank(
    name: common.ModelName,
    data: common.DataFiles,
    rule: Annotated[
        str, typer.Option("--rule", metavar="RULE", help="borda, copeland, kemeny, lottery or utility.")
    ] = "borda",
    out: Annotated[
        Optional[str],
        typer.Option("--out", metavar="FILE", help='Write the groups with their "ranking" instead of showing them.'),
    ] = None,
    person: common.PersonName = None,
    votes: common.VotesFile = None,
    domain: common.DomainName = None,
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
    """Rank the responses of each group, best first."""
    if rule not in _MEANING:
        raise PolyprefError(f"unknown rule {rule!r}; known are {', '.join(_MEANING)}")
    sources = common.sources_of(
        data, format=format, preferred=preferred, columns=columns, skip_bad=skip_bad, without=without
    )
    groups = sources.read(common.note)

    from polypref.evaluation.ranking import rank_groups
    from polypref.models.answer import Cut
    from polypref.models.loading import Loading

    model = Loading(max_length, dtype, device, trust_remote_code, state_token).model(name, domain)
    model = common.seen_by(model, person, votes)
    listed: list[dict[str, Any]] = []
    cut = Cut()
    with ExitStack() as stack:
        if out:
            from polypref.groups.writing import GroupWriter

            writer = stack.enter_context(GroupWriter(out))
        for ranked in rank_groups(model, groups, rule, cut):
            if out:
                writer.write(ranked.beside(name))
            if json:
                listed.append(_described(ranked))
            elif not out:
                show(ranked)
    common.note_cut(name, cut, model.inputs.max_length)
    common.note_by_general(model)
    if json and out != "-":
        whose = {**common.named_person(person, votes), **common.named_domain(model.domain)}
        common.print_json({"model": name, **whose, "rule": rule, "groups": listed})
    elif out:
        common.print_line(f"{out}: {len(groups):,} groups ranked by {rule}", stderr=out == "-")


def show(ranked: Ranked) -> None:
    """Print one group's ranking for people."""
    group, (rule, order, scores) = ranked.group, ranked.ranking
    named = any(group.sources)
    rows = []
    for at in order:
        source = [_shortened(group.sources[at] or "", _SOURCE)] if named else []
        score = scores[at]
        shown = "" if score is None else f"{score:.3f}"
        rows.append((str(at), shown, *source, _shortened(group.responses[at], _RESPONSE)))
    header = ("index", _MEANING[rule], *(["source"] if named else []), "response")
    title = " · ".join(filter(None, [group.id, ranked.domain, _shortened(group.prompt_text, _PROMPT)]))
    common.print_table(rows, header=header, title=title)


def _described(ranked: Ranked) -> dict[str, Any]:
    """A group and its ranking in JSON."""
    group = ranked.group
    row: dict[str, Any] = {"id": group.id, "prompt": group.prompt_text, "responses": list(group.responses)}
    sources = {"sources": list(group.sources)} if group.sources else {}
    said = {"ranking": ranked.ranking.order, "scores": ranked.ranking.scores}
    return {**row, **sources, **common.named_domain(ranked.domain), **said}


def _shortened(text: str, length: int) -> str:
    return cut(" ".join(text.split()), length)
