"""What people may say of an item: comparisons, rankings, ratings, and that they cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from polypref.errors import DataError
from polypref.groups.model import Comparison, Group, Rating
from polypref.groups.stored import judgments_of

Kind = Literal["comparison", "ranking", "rating", "abstention", "withdrawal"]
KINDS: tuple[str, ...] = get_args(Kind)
_FIELDS = {
    "comparison": {"i", "j", "p", "weight", "criterion", "margin", "time"},
    "ranking": {"order", "criterion", "time"},
    "rating": {"i", "label", "weight", "criterion", "time"},
    "abstention": {"i", "j", "reason"},
    "withdrawal": set(),
}


@dataclass(frozen=True)
class Vote:
    """One statement about an item."""

    item: str
    kind: str
    body: Mapping[str, Any]
    who: str
    at: float
    origin: str = "api"
    key: str | None = None  # the same whenever the same vote is sent again
    replaces: int | None = None  # the vote of the same person that this one corrects

    def check(self, group: Group) -> None:
        """Refuse what says nothing about the item."""
        if self.kind not in KINDS:
            raise DataError(f"expected one of {', '.join(KINDS)}, got {self.kind!r}", field="kind")
        surplus = set(self.body) - _FIELDS[self.kind]
        if surplus:
            raise DataError(f"a {self.kind} has no {', '.join(sorted(surplus))}", field="body")
        if self.kind == "withdrawal" and self.replaces is None:
            raise DataError("a withdrawal names the vote that it takes back", field="replaces")
        if self.kind == "ranking":
            _check_order(self.body.get("order"), len(group))
        said = list(self.judgments())
        comparisons = tuple(one for one in said if isinstance(one, Comparison))
        ratings = tuple(one for one in said if isinstance(one, Rating))
        replace(group, comparisons=comparisons, ratings=ratings)  # which refuses what does not fit it

    def judgments(self) -> Iterator[Comparison | Rating]:
        """The vote as groups hold it: a ranking is the comparisons of all its pairs."""
        try:
            yield from judgments_of(self.kind, self.body, self.who, self.at)
        except TypeError:
            raise DataError(f"expected a {self.kind}, got {sorted(self.body)}", field="body") from None


def _check_order(order: Any, size: int) -> None:
    numbers = order if isinstance(order, list) and all(type(at) is int for at in order) else []
    if len(numbers) < 2 or len(set(numbers)) < len(numbers) or not all(0 <= at < size for at in numbers):
        raise DataError(f"expected at least two different responses of 0 to {size - 1}, best first", field="order")
