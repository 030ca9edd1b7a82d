"""What an objective is: a loss for every judgment of a batch, given the states and a head that reads them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from polypref.errors import PolyprefError
from polypref.models.heads import all_heads, heads_saying
from polypref.objectives.judgments import Judgments, Uses, Weigh

if TYPE_CHECKING:
    from torch import Tensor

    from polypref.models.heads.base import Head, Output

FROM_COMPARISONS = ("hard votes", "soft shares", "rankings")
FROM_RATINGS = ("ratings",)


class ObjectiveError(PolyprefError):
    """An objective does not fit the head, the data or its own settings; the message names what does."""


@dataclass(frozen=True, kw_only=True)
class Objective(ABC):
    """Settings of an objective and its formula. The fields of a subclass are its settings."""

    name: ClassVar[str]
    title: ClassVar[str]  # what it makes of the data, for tables
    paper: ClassVar[str]
    needs: ClassVar[tuple[Output, ...]]  # it trains the heads that say any of these
    uses: ClassVar[Uses]
    accepts: ClassVar[tuple[str, ...]]  # kinds of data

    weigh: Weigh = "votes"  # what counts alike: each vote, or each group

    def __post_init__(self) -> None:
        if self.weigh not in ("votes", "groups"):
            raise ObjectiveError(f"weigh is {self.weigh!r}; votes count alike with 'votes', groups with 'groups'")

    def losses(self, head: Head, states: Tensor, judgments: Judgments) -> tuple[Tensor, Tensor]:
        """ℓ and w of every judgment, both `[n]`, for states `[rows, state_width]`; the loss is Σ wℓ / Σ w.

        States in half precision are taken to single precision first, which tails and CDFs need.
        """
        states = states.float() if states.dtype.itemsize < 4 else states
        return self.loss_of_each(head, states, judgments), judgments.weights(self.uses, self.weigh)

    @property
    def spans_groups(self) -> bool:
        """Whether ℓ of a judgment depends on more than the responses that it is about: on others of its group."""
        return False

    @classmethod
    def heads(cls) -> list[str]:
        """The names of the heads that it trains."""
        return heads_saying(*cls.needs)

    @abstractmethod
    def loss_of_each(self, head: Head, states: Tensor, judgments: Judgments) -> Tensor:
        """ℓ of every pair, or of every rated response, not yet weighted: `[n]`."""

    def check(self, head: Head) -> None:
        """Raise ObjectiveError, naming what fits, unless this objective with its settings trains this head."""
        if set(self.needs).isdisjoint(head.says):
            from polypref.objectives import all_objectives

            fitting = [name for name, each in all_objectives().items() if not set(each.needs).isdisjoint(head.says)]
            raise ObjectiveError(
                f"the {self.name} objective trains a head that is {' or '.join(self.heads())}, not {head.name}; "
                f"objectives for a {head.name} head are {', '.join(fitting) or 'none'}"
            )

    def check_data(self, comparisons: int, ratings: int) -> None:
        """Raise ObjectiveError, naming what fits, unless data with so many comparisons and ratings can be learned from.

        `ratings` counts those with a number for a label.
        """
        if comparisons == ratings == 0:
            raise ObjectiveError(
                "the data hold no comparisons and no numeric ratings, so there is nothing to learn from"
            )
        if self.uses == "comparisons" and not comparisons:
            raise ObjectiveError(
                f"the data hold {ratings} ratings and no comparisons, which the {self.name} objective learns from: "
                f"use {_defaults('ratings')}, or derive comparisons with polypref convert --pairs-from-ratings"
            )
        if self.uses == "ratings" and not ratings:
            raise ObjectiveError(
                f"the data hold {comparisons} comparisons and no numeric ratings, which the {self.name} objective "
                f"learns from: use {_defaults('comparisons')}"
            )


def _defaults(uses: Uses) -> str:
    """The objectives that are some head's own and learn from such data, those that train most heads first, in words."""
    from polypref.objectives import all_objectives

    own = {head.objective for head in all_heads().values()}
    fitting = [each for name, each in all_objectives().items() if name in own and each.uses == uses]
    fitting.sort(key=lambda each: -len(each.heads()))
    return " or ".join(f"{each.name} ({' or '.join(each.heads())} head)" for each in fitting)
