"""What a head is: how to read preferences, utilities and distributions off the states of responses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from polypref.errors import PolyprefError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import Tensor, nn

    Floats = npt.NDArray[np.float64]

Output = Literal["preferences", "scores", "utilities", "spread", "opinions"]
"""What a head can say:

- `preferences`: log-odds of two responses; every head.
- `scores`: log-odds that are one voter's, without a spread of utilities that would explain why people differ.
- `utilities`: a number for a response by itself, whatever the others of its group.
- `spread`: how far the utility of a response differs between people.
- `opinions`: the distribution of a crowd over labels.
"""


Shape = Literal["order", "circles", "opinions", "spread"]
"""What preferences of data can look like:

- `order`: one order of the responses explains them, up to noise.
- `circles`: they run in circles.
- `opinions`: people rate the same response differently, and their ratings are there.
- `spread`: people prefer differently for a reason that is not known, and there are no ratings to tell it.
"""


class HeadError(PolyprefError):
    """A head was asked for something it cannot give; the message names one that can."""


@dataclass(frozen=True)
class Head(ABC):
    """Settings of a head, its formulas, and the module it adds to the encoder; what is learned shows in the states.

    The fields of a subclass are its settings, as they stand in `config.json`. States come as `[..., state_width]`: the
    logits of the classification layer and, after them, the columns of what the head adds, if it adds anything.
    """

    name: ClassVar[str]
    paper: ClassVar[str]
    says: ClassVar[tuple[Output, ...]]
    objective: ClassVar[str]  # which trains it unless another is named
    fits: ClassVar[Shape | None] = None  # data of which shape are best begun with this head; one head for each
    plain: ClassVar[bool] = False  # is the head of anybody's reward model; one is, and the default where none is named
    from_data: ClassVar[str | None] = None  # the setting for which the labels of the data stand, if it is left out
    joint: ClassVar[bool] = False  # reads two responses together: its rows are ordered pairs, not responses

    @property
    @abstractmethod
    def width(self) -> int:
        """Logits per response: `num_labels` of the checkpoint."""

    @property
    def added(self) -> str | None:
        """What the head adds to the encoder, in words for messages: `a prompt gate`; None if nothing."""
        return None

    @property
    def extra_width(self) -> int:
        """Columns of a state that what the head adds yields; 0 if nothing."""
        return 0

    def extra(self, hidden: int) -> nn.Module | None:
        """What the head adds to the encoder, new: the last hidden states of prompts `[n, hidden]` → `[n, extra_width]`.

        Its tensors are trained, saved, gone on from and interpolated as those of the state layer are.
        """
        return None

    @property
    def state_width(self) -> int:
        """Columns of a state: logits, and those of what the head adds."""
        return self.width + self.extra_width

    @abstractmethod
    def log_odds(self, a: Tensor, b: Tensor) -> Tensor:
        """log P(a ≻ b) / P(b ≻ a) of states `[..., state_width]` → `[...]`; swapping a and b changes its sign."""

    def preferences(self, states: Tensor) -> Tensor:
        """P[i, j] = P(i ≻ j) for the responses of one group: `[K, state_width]` → `[K, K]`."""
        return self.all_log_odds(states).sigmoid()

    def all_log_odds(self, states: Tensor) -> Tensor:
        """Log-odds of every pair of one group: `[K, state_width]` → `[K, K]`."""
        return self.log_odds(states[:, None], states[None, :])

    def blocks(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """How much the prompt weighs each independent part of the log-odds, and these parts, one group at a time.

        `[K, state_width]` → weights `[blocks]`, 1 without a gate, and log-odds `[blocks, K, K]`, weighed already: they
        sum to `all_log_odds`. A head without blocks is one.
        """
        log_odds = self.all_log_odds(states)[None]
        return log_odds.new_ones(1), log_odds

    @abstractmethod
    def utilities(self, states: Tensor) -> Tensor:
        """One number per response of one group, higher is better: `[K, state_width]` → `[K]`."""

    # — persons, for heads that tell them apart —

    @property
    def tastes(self) -> int:
        """How many numbers tell one person's taste from another's; 0 for heads that know of no persons."""
        return 0

    @property
    def mean_taste(self) -> tuple[float, ...]:
        """The taste that is read: the population's mean, or that of the person whose head it is; `[tastes]`."""
        return ()

    def as_person(self, taste: tuple[float, ...]) -> Head:
        """The same head reading with a taste `[tastes]`; also that of the population."""
        raise HeadError(f"a {self.name} head knows of no persons; train one that does: {_those_with_persons()}")

    def personal_log_odds(self, a: Tensor, b: Tensor, tastes: Tensor) -> Tensor:
        """Log-odds as persons see them: two states `[..., state_width]` and tastes `[..., tastes]` → `[...]`."""
        raise HeadError(f"a {self.name} head knows of no persons; train one that does: {_those_with_persons()}")

    def taste_of(self, a: Tensor, b: Tensor, share: Floats, votes: Floats) -> Floats:
        """The taste of a person who preferred `a` to `b` in this share of these votes, all else as it is.

        States `[n, state_width]`, `[n]`, `[n]` → `[tastes]`; of few votes it is near the mean taste.
        """
        raise HeadError(f"a {self.name} head knows of no persons; train one that does: {_those_with_persons()}")

    def read_tastes(self, free: Tensor) -> Tensor:
        """Tastes of free parameters, as training moves them; 0 is the taste of nobody in particular: same shape."""
        raise HeadError(f"a {self.name} head knows of no persons; train one that does: {_those_with_persons()}")

    def spread(self, states: Tensor) -> Tensor:
        """How far the utility of a response differs between people: `[..., state_width]` → `[...]`."""
        raise HeadError(f"a {self.name} head knows of no spread; train one that does: {_those_saying('spread')}")

    @property
    @abstractmethod
    def in_plain_torch(self) -> str:
        """Lines of Python that make `preferences` `[K, K]` of `states` without polypref, for model cards.

        `states` are `[K, state_width]`; of a joint head `[K, K, width]`, with any diagonal. `torch` is imported.
        """

    @property
    def labels(self) -> tuple[float, ...] | None:
        """The values of the labels over which the head knows opinions, `[d]`; None for heads that know of none."""
        return None

    def distributions(self, states: Tensor) -> Tensor:
        """The crowd's opinion of each response over the labels: `[..., state_width]` → `[..., d]`."""
        return self.log_distributions(states).exp()

    def log_distributions(self, states: Tensor) -> Tensor:
        """log of these, finite for every state: `[..., state_width]` → `[..., d]`."""
        raise HeadError(
            f"a {self.name} head predicts no distribution of opinions; train one that does: {_those_saying('opinions')}"
        )

    def settings(self) -> dict[str, Any]:
        """What `config.json` stores: enough to build the head again."""
        return asdict(self)


def _those_with_persons() -> str:
    from polypref.models.heads import all_heads

    return " or ".join(name for name, head in all_heads().items() if head().tastes)


def _those_saying(output: Output) -> str:
    from polypref.models.heads import heads_saying

    return " or ".join(heads_saying(output))
