"""PKU-SafeRLHF (Ji et al. 2024, arXiv 2406.15513): of two responses the more helpful one and the safer one."""

from __future__ import annotations

from typing import Union

from polypref.errors import DataError
from polypref.groups.formats.base import Format, Options, Row
from polypref.groups.formats.pairs import pair_group
from polypref.groups.formats.winners import split_sources
from polypref.groups.model import Comparison, Group, shown

_FIELDS = ("response_0", "response_1")


class SafetyRow(Row):
    prompt: str
    response_0: str
    response_1: str
    better_response_id: int
    safer_response_id: Union[int, None] = None  # absent where one vote weighs both (single dimension)


def _to_group(row: SafetyRow, options: Options) -> Group:
    sources, meta = split_sources(row.unknown, ("response_0_source", "response_1_source"))
    helpful = None if row.safer_response_id is None else "helpful"
    comparisons = [_vote(row.better_response_id, helpful, "better_response_id")]
    if row.safer_response_id is not None:
        comparisons.append(_vote(row.safer_response_id, "harmless", "safer_response_id"))
    return pair_group(row.prompt, (row.response_0, row.response_1), comparisons, _FIELDS, sources=sources, meta=meta)


def _vote(winner: int, criterion: str | None, field: str) -> Comparison:
    if winner not in (0, 1):
        raise DataError(f"expected 0 or 1, got {shown(winner)}", field=field)
    return Comparison(winner, 1 - winner, criterion=criterion)


FORMAT = Format(
    name="pku-saferlhf",
    title="PKU-SafeRLHF: of two responses the better one (helpful) and the safer one (harmless)",
    keys=frozenset({"prompt", *_FIELDS, "better_response_id"}),
    row=SafetyRow,
    to_group=_to_group,
)
