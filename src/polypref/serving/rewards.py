"""One number for each sample that a trainer sends, whichever way it sends it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from polypref.groups.model import Group, Prompt
from polypref.models.answer import Floats, StateAnswer
from polypref.serving.batching import Question
from polypref.serving.cohorts import Cohorts, CohortSettings, Judged
from polypref.serving.errors import Refused
from polypref.serving.hosting import Served
from polypref.serving.transcripts import without_end

T = TypeVar("T")

_MEAN_LOG_ODDS = CohortSettings(size=2)


@dataclass(frozen=True)
class Sample:
    """What a policy said to a prompt; `rendered`: as the model's own chat template writes both."""

    prompt: Prompt
    response: str
    rendered: bool = False
    id: Hashable | None = None  # the same whenever the sample is sent again
    cohort: str | None = None  # whose samples are compared, where the trainer says it

    @property
    def asked(self) -> tuple[bool, Prompt]:
        """What samples that are compared have in common."""
        return self.rendered, self.prompt


def plain(prompt: Prompt, response: str) -> Sample:
    """A sample in plain text, without the tokens that end a turn."""
    return Sample(prompt, without_end(response))


def whole_text(served: Served, text: str) -> Sample:
    """A conversation in one text, as the model's chat template writes it."""
    if served.transcripts is None:
        raise Refused(f"the model {served.name} has no chat template by which a text could be read")
    prompt, response = served.transcripts.split(text)
    return Sample(prompt, response, rendered=True)


def said_after(served: Served, prompt: str, response: str) -> Sample:
    """What a policy said after a prompt that its chat template may have written; if that is the model's too, it is read
    as it stands."""
    response = without_end(response, served.model.inputs.tokenizer.eos_token)
    found = served.transcripts.continued(prompt, response) if served.transcripts is not None else None
    return Sample(prompt, response) if found is None else Sample(*found, rendered=True)


class Rewards:
    """The rewards of one model: of samples by themselves, or of those that are sent together, or of cohorts."""

    def __init__(self, served: Served, cohorts: Cohorts | None = None) -> None:
        self.served, self.cohorts = served, cohorts

    async def of(self, samples: Sequence[Sample], domain: str | None = None) -> list[Judged]:
        """One for each sample, in order; all of them or a sentence that says why not."""
        self.served.check_domain(domain)
        if self.cohorts is not None:
            return await self._of_cohorts(self.cohorts, samples, domain)
        for at, sample in enumerate(samples):
            if not sample.response.strip():
                raise Refused(f"sample {at} is empty: it says nothing that could be judged")
        return await self._of_groups(samples, domain)

    async def _of_cohorts(self, cohorts: Cohorts, samples: Sequence[Sample], domain: str | None) -> list[Judged]:
        return await _all(
            cohorts.reward(
                (self.served.name, domain, sample.cohort, sample.asked),
                sample.response,
                partial(self._answer, sample.asked, domain),
                id=sample.id,
                prompt=sample.asked,
            )
            for sample in samples
        )

    async def _of_groups(self, samples: Sequence[Sample], domain: str | None) -> list[Judged]:
        places: dict[tuple[bool, Prompt], list[int]] = {}
        for at, sample in enumerate(samples):
            places.setdefault(sample.asked, []).append(at)
        answers = await _all(
            self._answer(asked, domain, [samples[at].response for at in members]) for asked, members in places.items()
        )
        results: dict[int, Judged] = {}
        for members, answer in zip(places.values(), answers):
            for at, value in zip(members, self._values(answer)):
                results[at] = Judged(float(value), len(members))
        return [results[at] for at in range(len(samples))]

    async def _answer(self, asked: tuple[bool, Prompt], domain: str | None, texts: Sequence[str]) -> StateAnswer:
        rendered, prompt = asked
        return await self.served.ask(Question(Group(prompt, tuple(texts)), rendered), domain)

    def _values(self, answer: StateAnswer) -> Floats:
        """Utilities, or where the head has none, the mean log-odds against the others of the group."""
        if "utilities" in answer.head.says:
            return answer.utilities
        if answer.size < 2:
            raise Refused(
                f"a {answer.head.name} head compares responses and says nothing of one alone: serve it with --cohort, "
                "or send the samples of a prompt together"
            )
        return _MEAN_LOG_ODDS.rewards(answer)


async def _all(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of all, in order; one that fails ends the others."""
    tasks = [asyncio.ensure_future(one) for one in coroutines]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
