"""`polypref rank`: the responses of each group, best first, under a named rule."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from polypref.cli import common
from polypref.errors import PolyprefError

if TYPE_CHECKING:
    from polypref.groups.model import Group
    from polypref.models.preference_model import PreferenceModel

RANKING = "ranking"  # the key beside a group's own in --out
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
    domain: common.DomainName = None,
    format: common.FormatName = None,
    preferred: common.Preferred = None,
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
    sources = common.Sources(data, format=format, preferred=preferred, skip_bad=skip_bad, without=without)
    groups = list(sources)
    sources.report_skipped()
    model = common.load_model(
        name,
        domain=domain,
        max_length=max_length,
        dtype=dtype,
        device=device,
        trust_remote_code=trust_remote_code,
        state_token=state_token,
    )
    listed: list[dict[str, Any]] = []
    with ExitStack() as stack:
        if out:
            from polypref.groups.writing import GroupWriter

            writer = stack.enter_context(GroupWriter(out))
        for group, ranking in _ranked(model, name, groups, rule):
            if out:
                writer.write(replace(group, meta={**group.meta, RANKING: {"model": name, **ranking}}))
            if json:
                used = common.named_domain(ranking.get("domain"))
                listed.append({**_described(group), **used, "ranking": ranking["order"], "scores": ranking["scores"]})
            elif not out:
                show(group, ranking)
    if json and out != "-":
        common.print_json({"model": name, **common.named_domain(model.domain), "rule": rule, "groups": listed})
    elif out:
        common.print_line(f"{out}: {len(groups):,} groups ranked by {rule}", stderr=out == "-")


def show(group: Group, ranking: dict[str, Any]) -> None:
    """Print one group's ranking for people."""
    scores = ranking["scores"]
    named = any(group.sources)
    rows = []
    for at in ranking["order"]:
        source = [_shortened(group.sources[at] or "", _SOURCE)] if named else []
        score = "" if scores[at] is None else f"{scores[at]:.3f}"
        rows.append((str(at), score, *source, _shortened(group.responses[at], _RESPONSE)))
    header = ("index", _MEANING[ranking["rule"]], *(["source"] if named else []), "response")
    told = [group.id, ranking.get("domain"), _shortened(group.prompt_text, _PROMPT)]
    title = " · ".join(filter(None, told))
    common.print_table(rows, header=header, title=title)


def _ranked(
    model: PreferenceModel, name: str, groups: list[Group], rule: str
) -> Iterator[tuple[Group, dict[str, Any]]]:
    from polypref.models.answer import Cut

    cut = Cut()
    for group, answer in model.encode(groups):
        ranking = answer.ranking(rule)
        scores = [None if score is None else float(f"{score:.6g}") for score in ranking.scores]
        cut.count(answer)
        yield group, {**common.named_domain(answer.domain), "rule": rule, "order": ranking.order, "scores": scores}
    common.note_cut(name, cut, model.inputs.max_length)
    common.note_by_general(model)


def _described(group: Group) -> dict[str, Any]:
    """What tells a group in JSON."""
    row: dict[str, Any] = {"id": group.id, "prompt": group.prompt_text, "responses": list(group.responses)}
    return {**row, "sources": list(group.sources)} if group.sources else row


def _shortened(text: str, length: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"
