"""Cohorts give what the whole group gives offline, however its samples come."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import numpy as np
import pytest

from polypref import Group, PolyprefError, PreferenceModel
from polypref.alignment import GroupReward
from polypref.models.answer import StateAnswer
from polypref.serving.cohorts import Cohorts, CohortSettings, Judged
from polypref.serving.errors import Busy, Refused
from polypref.serving.service import COHORT_HEADER
from tests.serving.conftest import Running

TEXTS = [f"answer number {k}, {'very ' * k}long" for k in range(4)]


class Judge:
    """A model that is asked directly, and counts how often."""

    def __init__(self, model: PreferenceModel, prompt: str = "Which?") -> None:
        self.model, self.prompt, self.asked = model, prompt, 0

    async def __call__(self, texts: Sequence[str]) -> StateAnswer:
        self.asked += 1
        return self.model.judge(self.prompt, texts)


@pytest.fixture
def judge(model: Callable[..., PreferenceModel]) -> Judge:
    return Judge(model("llama", "general"))


def offline(model: PreferenceModel, texts: Sequence[str], **settings: Any) -> list[float]:
    reward = GroupReward(model, len(texts), **settings)
    return [value for value in reward(["Which?"] * len(texts), list(texts)) if value is not None]


@pytest.mark.parametrize("reward", ["log-odds", "win-rate", "lottery"])
@pytest.mark.parametrize("scale", ["none", "group"])
def test_a_cohort_in_any_order_is_the_whole_group(judge: Judge, reward: str, scale: str) -> None:
    expected = dict(zip(TEXTS, offline(judge.model, TEXTS, reward=reward, scale=scale)))
    shuffled = random.Random(3).sample(TEXTS, len(TEXTS))

    async def send() -> list[Judged]:
        cohorts = Cohorts(CohortSettings(4, reward=reward, scale=scale))
        return await asyncio.gather(*(cohorts.reward("q", text, judge) for text in shuffled))

    judged = asyncio.run(send())
    np.testing.assert_allclose([one.reward for one in judged], [expected[text] for text in shuffled], atol=1e-5)
    assert {(one.size, one.complete, one.references) for one in judged} == {(4, True, 0)}
    assert judge.asked == 1


def test_a_policy_that_says_the_same_twice_has_two_samples(judge: Judge) -> None:
    texts = [TEXTS[0], TEXTS[0], TEXTS[1], TEXTS[2]]

    async def send() -> list[Judged]:
        cohorts = Cohorts(CohortSettings(4))
        return await asyncio.gather(*(cohorts.reward("q", text, judge) for text in texts))

    expected = offline(judge.model, texts, scale="none")
    np.testing.assert_allclose([one.reward for one in asyncio.run(send())], expected, atol=1e-5)


def test_a_client_that_tries_again_takes_its_seat_again(judge: Judge) -> None:
    """Before the cohort is judged, and after: without an id by the text of a client that has left, with one always."""

    async def send() -> list[Judged]:
        cohorts = Cohorts(CohortSettings(4))
        first = asyncio.ensure_future(cohorts.reward("q", TEXTS[0], judge))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        again = [asyncio.ensure_future(cohorts.reward("q", text, judge)) for text in TEXTS[:3]]
        await asyncio.sleep(0)
        assert cohorts.held == 3
        again[1].cancel()  # and this one comes back only when all was judged
        last = asyncio.ensure_future(cohorts.reward("q", TEXTS[3], judge))
        rewards = await asyncio.gather(again[0], again[2], last)
        lost = await cohorts.reward("q", TEXTS[1], judge)
        return [rewards[0], lost, *rewards[1:]]

    expected = offline(judge.model, TEXTS, scale="none")
    np.testing.assert_allclose([one.reward for one in asyncio.run(send())], expected, atol=1e-5)
    assert judge.asked == 1


def test_ids_make_samples_the_same_whatever_happens(judge: Judge) -> None:
    async def send() -> list[list[float]]:
        cohorts = Cohorts(CohortSettings(4))
        twice = [cohorts.reward("q", text, judge, id=k) for k, text in enumerate(TEXTS) for _ in range(2)]
        rewards = [one.reward for one in await asyncio.gather(*twice)]
        later = [(await cohorts.reward("q", text, judge, id=k)).reward for k, text in enumerate(TEXTS)]
        other = asyncio.ensure_future(cohorts.reward("new", TEXTS[0], judge, id=0))
        await asyncio.sleep(0)
        with pytest.raises(Refused, match="another text"):
            await cohorts.reward("new", TEXTS[1], judge, id=0)
        other.cancel()
        return [rewards[::2], rewards[1::2], later]

    expected = offline(judge.model, TEXTS, scale="none")
    for rewards in asyncio.run(send()):
        np.testing.assert_allclose(rewards, expected, atol=1e-5)
    assert judge.asked == 1


def test_the_next_samples_of_a_prompt_are_a_new_cohort(judge: Judge) -> None:
    async def send() -> None:
        cohorts = Cohorts(CohortSettings(2))
        for _ in range(3):
            await asyncio.gather(*(cohorts.reward("q", text, judge) for text in TEXTS[:2]))

    asyncio.run(send())
    assert judge.asked == 3


def test_eight_clients_at_once_with_a_prompt_each(model: Callable[..., PreferenceModel]) -> None:
    one = model("llama", "general")
    prompts = [f"Which, of {k}?" for k in range(8)]
    judges = {prompt: Judge(one, prompt) for prompt in prompts}

    async def send() -> dict[tuple[str, str], float]:
        cohorts = Cohorts(CohortSettings(4))
        order = random.Random(5).sample([(p, t) for p in prompts for t in TEXTS], 32)
        rewards = await asyncio.gather(*(cohorts.reward(p, t, judges[p]) for p, t in order))
        return {pair: judged.reward for pair, judged in zip(order, rewards)}

    rewards = asyncio.run(send())
    for prompt in prompts:
        expected = one.log_odds(Group(prompt, tuple(TEXTS))).mean(axis=1)
        np.testing.assert_allclose([rewards[prompt, text] for text in TEXTS], expected, atol=1e-5)


def test_when_the_time_is_up_references_stand_in_and_it_is_said(judge: Judge) -> None:
    references = ["a stored answer", "another stored one"]

    async def send() -> list[Judged]:
        cohorts = Cohorts(CohortSettings(4, timeout=0.05), {"q": references})
        return await asyncio.gather(*(cohorts.reward("q", text, judge) for text in TEXTS[:2]))

    judged = asyncio.run(send())
    expected = judge.model.log_odds(Group("Which?", (*TEXTS[:2], *references))).mean(axis=1)[:2]
    np.testing.assert_allclose([one.reward for one in judged], expected, atol=1e-5)
    assert {(one.size, one.complete, one.references) for one in judged} == {(2, False, 2)}


def test_one_alone_with_nothing_to_compare_is_an_error(judge: Judge) -> None:
    async def send() -> None:
        await Cohorts(CohortSettings(4, timeout=0.05)).reward("q", TEXTS[0], judge)

    with pytest.raises(Refused, match="of 4 samples of the prompt 1 came") as error:
        asyncio.run(send())
    assert error.value.status == 504


def test_an_empty_sample_has_a_seat_and_no_reward(judge: Judge) -> None:
    async def send() -> list[Any]:
        cohorts = Cohorts(CohortSettings(3))
        sent = (cohorts.reward("q", text, judge) for text in (TEXTS[0], " ", TEXTS[1]))
        return await asyncio.gather(*sent, return_exceptions=True)

    first, empty, second = asyncio.run(send())
    assert isinstance(empty, Refused)
    expected = offline(judge.model, TEXTS[:2], scale="none")
    np.testing.assert_allclose([first.reward, second.reward], expected, atol=1e-5)


def test_what_waits_is_bounded_and_a_failure_is_everybodys(judge: Judge) -> None:
    async def fail(_texts: Sequence[str]) -> StateAnswer:
        raise PolyprefError("no luck")

    async def send() -> None:
        cohorts = Cohorts(CohortSettings(2), most_held=1)
        waits = asyncio.ensure_future(cohorts.reward("q", TEXTS[0], fail))
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await cohorts.reward("other", TEXTS[1], fail)
        waits.cancel()
        cohorts = Cohorts(CohortSettings(2))
        both = (cohorts.reward("q", text, fail) for text in TEXTS[:2])
        assert [str(one) for one in await asyncio.gather(*both, return_exceptions=True)] == ["no luck", "no luck"]
        assert cohorts.held == 0

    asyncio.run(send())


@pytest.mark.parametrize("settings", [{"size": 1}, {"size": 2, "timeout": 0}, {"size": 2, "scale": "std"}])
def test_settings_that_make_no_cohort(settings: dict[str, Any]) -> None:
    with pytest.raises(PolyprefError):
        CohortSettings(**settings)


# — behind every way in —


def said(text: str) -> dict[str, Any]:
    return {"output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}]}


def ways_in(one: PreferenceModel) -> dict[str, tuple[Callable[[int, str], tuple[str, Any]], Callable[[Any], float]]]:
    """How each client sends a sample, and where it reads its reward."""
    render = one.inputs.tokenizer.apply_chat_template
    asked = [{"role": "user", "content": "Which?"}]
    opened = render(asked, tokenize=False, add_generation_prompt=True)

    def whole(text: str) -> Any:
        return render([*asked, {"role": "assistant", "content": text}], tokenize=False)

    def gym(k: int, text: str) -> tuple[str, Any]:
        body = {"responses_create_params": {"input": asked}, "response": said(text), "_ng_rollout_index": k}
        return "/verify", {**body, "_ng_group_id": "g", "_ng_group_attempt": 0}

    return {
        "openrlhf": (
            lambda k, text: ("/get_reward", {"query": [opened + text + "</s>"], "prompts": [opened], "labels": [""]}),
            lambda told: told["rewards"][0],
        ),
        "slime": (lambda k, text: ("/slime", {"prompt": "Which?", "response": text, "label": ""}), float),
        "verl": (
            lambda k, text: ("/classify", {"model": "one", "input": whole(text)}),
            lambda told: told["data"][-1]["probs"][-1],
        ),
        "sglang": (
            lambda k, text: ("/v1/embeddings", {"model": "one", "input": whole(text)}),
            lambda told: told["data"][-1]["embedding"][-1],
        ),
        "nemo-gym": (gym, lambda told: told["reward"]),
    }


@pytest.mark.parametrize("way", ["openrlhf", "slime", "verl", "sglang", "nemo-gym"])
def test_every_way_in_has_cohorts(
    serve: Callable[..., Running], model: Callable[..., PreferenceModel], way: str
) -> None:
    one = model("llama", "general")
    running = serve({"one": one}, cohort=CohortSettings(4, timeout=20))
    body, reward_of = ways_in(one)[way]
    order = random.Random(1).sample(range(4), 4)

    async def send(client: httpx.AsyncClient) -> dict[int, float]:
        async def one_sample(k: int) -> float:
            path, sent = body(k, TEXTS[k])
            answer = await client.post(path, json=sent)
            assert answer.status_code == 200, answer.text
            assert answer.headers[COHORT_HEADER] == "4/4"
            return reward_of(answer.json())

        return dict(zip(order, await asyncio.gather(*map(one_sample, order))))

    rewards = running.run(send)
    expected = offline(one, TEXTS, scale="none")
    np.testing.assert_allclose([rewards[k] for k in range(4)], expected, atol=1e-5)
    assert running.service.held() == {"one": 0}


def test_an_incomplete_cohort_is_marked(serve: Callable[..., Running], model: Callable[..., PreferenceModel]) -> None:
    references = {(False, "Which?"): ("a stored answer",)}
    cohort = CohortSettings(4, timeout=0.05)
    running = serve({"one": model("llama", "general")}, cohort=cohort, references=references)
    answer = running.post("/slime", {"prompt": "Which?", "response": TEXTS[0]})
    assert answer.headers[COHORT_HEADER] == "1/4;incomplete;references=1"
    alone = running.post("/slime", {"prompt": "Another?", "response": TEXTS[0]})
    assert alone.status_code == 504
