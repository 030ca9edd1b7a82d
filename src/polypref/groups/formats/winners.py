"""Who won a comparison of two, and who wrote the two, as tables write it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Union

from polypref.errors import DataError
from polypref.groups.model import NOTHING, shown

Winner = Union[str, int, float]

_SHARES = (
    dict.fromkeys(("a", "model_a", "response_a", "0"), 1.0)
    | dict.fromkeys(("b", "model_b", "response_b", "1"), 0.0)
    | dict.fromkeys(("tie", "tie (bothbad)", "tie (inconsistent)", "both_bad", "bothbad"), 0.5)
)
_PLAIN = ("a", "b", "tie", "model_a", "model_b", "response_a", "response_b", "0", "1")


def share_of(winner: Winner, field: str, names: Sequence[str | None] = ()) -> float:
    """The share of a vote that the first of two responses has.

    Args:
        winner: a, model_a, response_a or 0 for the first, b, model_b, response_b or 1 for the second, or a tie.
        field: the column, for error messages.
        names: who wrote the two; the winner may be given by name.
    """
    share = _SHARES.get(_spelt(winner))
    if share is None and len(set(names)) == 2 and winner in names:
        share = 1.0 if winner == names[0] else 0.0
    if share is not None:
        return share
    expected = "a, b or tie" if isinstance(winner, str) else "0 (the first) or 1 (the second)"
    raise DataError(f"expected {expected}, got {shown(winner)}", field=field)


def said_of(winner: Winner, field: str) -> Mapping[str, Any]:
    """What a winner says beyond a share, for meta: that both were bad, or a judge contradicted itself."""
    return NOTHING if _spelt(winner) in _PLAIN or _spelt(winner) not in _SHARES else {field: winner}


def _spelt(winner: Winner) -> str:
    if isinstance(winner, str):
        return winner.strip().lower()
    return str(int(winner)) if winner in (0, 1) else ""


def split_sources(
    unknown: Mapping[str, Any], *columns: tuple[str, str]
) -> tuple[tuple[str | None, ...], Mapping[str, Any]]:
    """Who wrote the two responses, by the first of some pairs of columns that a row has, and the other columns."""
    for pair in columns:
        names = tuple(unknown.get(column) for column in pair)
        if any(names) and all(name is None or isinstance(name, str) for name in names):
            return tuple(name or None for name in names), {k: v for k, v in unknown.items() if k not in pair} or NOTHING
    return (), unknown
