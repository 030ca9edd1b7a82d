"""What a model can be asked: about one group, about each of several, or about a prompt and responses in plain text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

from polypref.errors import DataError
from polypref.groups.model import Group, Prompt, as_messages
from polypref.models.answer import Floats, StateAnswer, refuse_joint
from polypref.models.heads import Head

T = TypeVar("T")


class Asked(Generic[T]):
    """Called with one group, what `read` finds in the model's answer; with several, a list of that, in order."""

    def __init__(self, model: Answering, read: Callable[[StateAnswer], T], alone: str | None = None) -> None:
        self._model, self._read = model, read
        self._alone = alone  # the name of what a response has by itself, and so no joint head

    @overload
    def __call__(self, groups: Group) -> T: ...
    @overload
    def __call__(self, groups: Sequence[Group]) -> list[T]: ...
    def __call__(self, groups: Group | Sequence[Group]) -> T | list[T]:
        if self._alone is not None:
            refuse_joint(self._model.head, self._alone)
        several = [groups] if isinstance(groups, Group) else groups
        found = [self._read(answer) for _, answer in self._model.encode(several)]
        return found[0] if isinstance(groups, Group) else found


class Answering(ABC):
    """A model that can be asked. What takes groups takes one group or a list of groups, and returns NumPy."""

    head: Head

    @abstractmethod
    def encode(self, groups: Iterable[Group]) -> Iterator[tuple[Group, StateAnswer]]:
        """Each group with what the model says of it, in order."""

    @property
    def states(self) -> Asked[Floats]:
        """`model.states(groups)`: one vector per response, `[K, width]`, the logits of vanilla transformers."""
        return Asked(self, lambda answer: answer.states, alone="states")

    @property
    def preferences(self) -> Asked[Floats]:
        """`model.preferences(groups)`: probabilities P[i, j] = P(i ≻ j), `[K, K]`; P + Pᵀ = 1, ½ on the diagonal."""
        return Asked(self, lambda answer: answer.preferences)

    @property
    def log_odds(self) -> Asked[Floats]:
        """`model.log_odds(groups)`: log P(i ≻ j) / P(j ≻ i), `[K, K]`; 0 for ½, and still apart where P rounds to 1."""
        return Asked(self, lambda answer: answer.log_odds)

    @property
    def utilities(self) -> Asked[Floats]:
        """`model.utilities(groups)`: one number per response, `[K]`, higher is better.

        For heads without a utility it is the mean of the log-odds against the others of the group.
        """
        return Asked(self, lambda answer: answer.utilities)

    @property
    def distributions(self) -> Asked[Floats]:
        """`model.distributions(groups)`: the crowd's opinion of each response over the labels, `[K, d]`."""
        return Asked(self, StateAnswer.opinions, alone="distributions")

    @overload
    def rank(self, groups: Group, rule: str = "borda") -> list[int]: ...
    @overload
    def rank(self, groups: Sequence[Group], rule: str = "borda") -> list[list[int]]: ...
    def rank(self, groups: Group | Sequence[Group], rule: str = "borda") -> list[int] | list[list[int]]:
        """Indices of the responses, best first, under `borda`, `copeland`, `kemeny`, `lottery` or `utility`."""
        return Asked(self, lambda answer: answer.rank(rule))(groups)

    def judge(self, prompt: str | Sequence[Any], responses: Sequence[str]) -> StateAnswer:
        """What the model says of responses given as plain text; each is read once, and the answer has everything.

        `prompt` is text, or chat messages such as `{"role": "user", "content": "…"}`. Of the answer, `best` is the
        index of the preferred response, `rank(rule)` the order, `utilities` `[K]`, `preferences` and `log_odds`
        `[K, K]`, and where the head has them, `states` and `distributions`.
        """
        asked: Prompt = prompt if isinstance(prompt, str) else as_messages(prompt)
        if isinstance(responses, str):
            raise DataError("expected a list of texts, got one text", field="responses")
        [(_, answer)] = self.encode([Group(asked, tuple(responses))])
        return answer
