"""A tiny language model learns what a guide likes, with TRL's trainers; killed runs go on; what is saved is whole."""

from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from polypref import Group, PreferenceModel
from polypref.alignment import reinforcement
from polypref.alignment.reinforcement import Reinforcement, reinforce
from polypref.alignment.sampling import Sampling, sample
from polypref.errors import PolyprefError
from polypref.models.answer import StateAnswer
from polypref.models.causal import LanguageModel
from polypref.models.heads import make_head
from polypref.models.lora import Lora
from polypref.training.progress import Report
from tests.models.test_imitation import make_speaker
from tests.training.conftest import make_backbone

pytestmark = pytest.mark.filterwarnings("default")  # of TRL and of what it imports

PROMPTS = [Group(f"Question {at}?", ("any",)) for at in range(8)]


class Vowels:
    """A guide whose utility is the share of vowels in a response; a stand-in for a model, which only encodes."""

    head = make_head("scalar")

    def __init__(self) -> None:
        self.seen: list[Group] = []

    def encode(self, groups):
        for group in groups:
            self.seen.append(group)
            yield group, StateAnswer(self.head, torch.tensor([[liked(text)] for text in group.responses]), len(group))


def liked(text: str) -> float:
    return 4 * sum(character in "aeiou" for character in text) / max(len(text), 1)


class Lines(Report):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    pytest.importorskip("trl")
    return make_speaker(tmp_path_factory.mktemp("policy"), "llama", initializer_range=0.02)


def settings(**changed):
    of_trl = {"logging_steps": 1, **changed.pop("trainer", {})}
    common = {"batch_size": 4, "max_steps": 3, "learning_rate": 1e-2, "max_length": 60, "trainer": of_trl}
    return Reinforcement(**{**common, "sampling": Sampling(8, 6), **changed})


def mean_liking(folder) -> float:
    language = LanguageModel.from_pretrained(str(folder), max_length=60)
    prompts = [language.prompt_tokens(group.prompt).tolist() for group in PROMPTS]
    with language.ordinary() as model:
        groups = sample(model, prompts, Sampling(16, 6), language.ends, range(len(prompts)))
    texts = [language.tokenizer.decode(one.tokens, skip_special_tokens=True) for group in groups for one in group]
    return sum(map(liked, texts)) / len(texts)


def weights(folder):
    return AutoModelForCausalLM.from_pretrained(folder).state_dict()


@pytest.mark.slow
@pytest.mark.parametrize("trainer", ["grpo", "rloo"])
def test_a_policy_learns_what_the_guide_likes(trainer, policy, tmp_path) -> None:
    guide, told = Vowels(), Lines()
    made = reinforce(policy, guide, PROMPTS, tmp_path, trainer=trainer, settings=settings(max_steps=30), report=told)
    assert made.steps == 30
    utilities = [entry["polypref_log-odds/utility"] for entry in made.history if "reward" in entry]
    assert len(utilities) == 30
    assert sum(utilities[-5:]) / 5 > sum(utilities[:5]) / 5 + 1
    assert mean_liking(tmp_path) > mean_liking(policy) + 1
    assert {group.prompt for group in guide.seen} == {group.prompt for group in PROMPTS}  # as the guide knows them
    assert {len(group) for group in guide.seen} <= set(range(1, 9))
    assert told.lines[0] == "8 prompts"
    assert "polypref_log-odds/utility" in told.lines[-1]
    assert "step_time" not in told.lines[-1]
    assert not (tmp_path / "run").exists()
    assert AutoTokenizer.from_pretrained(tmp_path).chat_template


class _Killed(Exception):
    """What stands in for a signal."""


@pytest.mark.slow
@pytest.mark.parametrize("lora", [None, Lora(rank=4)])
def test_a_killed_run_ends_with_the_weights_of_an_undisturbed_one(lora, policy, tmp_path, monkeypatch) -> None:
    chosen = settings(max_steps=4, save_steps=2, lora=lora, beta=0.1)
    reinforce(policy, Vowels(), PROMPTS, tmp_path / "whole", settings=chosen)
    completer = reinforcement.Completer

    class KilledAfterwards(completer):
        def on_step_begin(self, args, state, control, **_):
            if state.global_step == 3:
                raise _Killed

    monkeypatch.setattr(reinforcement, "Completer", KilledAfterwards)
    with pytest.raises(_Killed):
        reinforce(policy, Vowels(), PROMPTS, tmp_path / "killed", settings=chosen)
    assert not (tmp_path / "killed" / "config.json").exists()
    monkeypatch.setattr(reinforcement, "Completer", completer)
    told = Lines()
    made = reinforce(policy, Vowels(), PROMPTS, tmp_path / "killed", settings=chosen, report=told)
    assert made.steps == 4
    assert any(line.startswith("going on from") for line in told.lines)
    expected, found, before = (weights(folder) for folder in (tmp_path / "whole", tmp_path / "killed", policy))
    assert expected.keys() == found.keys()
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], rtol=0, atol=0)
    assert any(not torch.equal(found[name], before[name]) for name in found)

    again = reinforce(policy, Vowels(), PROMPTS, tmp_path / "killed", settings=chosen, report=told)
    assert again.history == made.history
    assert again.steps == 4
    assert told.lines[-1].endswith("holds the finished policy")
    other = replace(chosen, seed=1)
    with pytest.raises(PolyprefError, match="was started with another seed"):
        reinforce(policy, Vowels(), PROMPTS, tmp_path / "killed", settings=other)


def test_prompts_without_room_are_left_out_and_told(policy, tmp_path) -> None:
    told = Lines()
    mixed = [*PROMPTS, Group("word " * 60, ("any",))]
    reinforce(policy, Vowels(), mixed, tmp_path, settings=settings(max_steps=1), report=told)
    assert told.lines[:2] == ["8 prompts", "1 more are left out: they are longer than 54 tokens"]
    assert json.loads((tmp_path / "reinforcement.json").read_text())["max_steps"] == 1


def test_what_cannot_be_is_refused(policy, tmp_path, monkeypatch) -> None:
    with pytest.raises(PolyprefError, match="none of the 1 prompts leaves room for an answer of 6 tokens among 60"):
        reinforce(policy, Vowels(), [Group("word " * 60, ("any",))], tmp_path / "room", settings=settings())
    with pytest.raises(PolyprefError, match="unknown trainer 'ppo'; known are grpo, rloo"):
        reinforce(policy, Vowels(), PROMPTS, tmp_path / "name", trainer="ppo")
    odd = settings(trainer={"unknown_setting": 1})
    with pytest.raises(PolyprefError, match=r"TRL refuses the settings: .*unknown_setting"):
        reinforce(policy, Vowels(), PROMPTS, tmp_path / "setting", settings=odd)
    with pytest.raises(PolyprefError, match="already holds a model"):
        reinforce(policy, Vowels(), PROMPTS, policy, settings=settings())
    monkeypatch.setitem(sys.modules, "trl", None)
    with pytest.raises(PolyprefError, match=r"not installed; install it with pip install trl"):
        reinforce(policy, Vowels(), PROMPTS, tmp_path / "missing", settings=settings())


def test_another_guide_is_refused(tmp_path, policy) -> None:
    class Consonants(Vowels):
        pass

    reinforcement._begin(tmp_path, reinforcement._described(policy, Vowels(), PROMPTS, "grpo", "log-odds", settings()))
    with pytest.raises(PolyprefError, match="was started with another guide: go on with the same settings"):
        reinforce(policy, Consonants(), PROMPTS, tmp_path, settings=settings())


def test_a_guide_is_known_by_its_weights(tmp_path) -> None:
    backbone = make_backbone("llama", tmp_path / "backbone")
    one, same, other = (PreferenceModel.from_backbone(backbone, "general", dim=4, seed=seed) for seed in (1, 1, 2))
    assert reinforcement._fingerprint(one) == reinforcement._fingerprint(same) != reinforcement._fingerprint(other)


def test_the_scale_of_rewards_may_be_left_out(policy, tmp_path, monkeypatch) -> None:
    made = []
    plain = reinforcement.GroupReward
    monkeypatch.setattr(reinforcement, "GroupReward", lambda *a, **k: made.append(plain(*a, **k)) or made[-1])
    reinforce(policy, Vowels(), PROMPTS, tmp_path, settings=settings(max_steps=1, scale="none"))
    assert made[0].scale == "none"


def test_blocks_drift_from_the_first_batch_also_when_a_run_goes_on(tmp_path) -> None:
    class Rewards:
        __name__ = "polypref_blocks"

        def __init__(self, found):
            self.first_shares, self.found = None, found

        def __call__(self, *_):
            self.first_shares = self.found if self.first_shares is None else self.first_shares
            return [0.0]

    first, later = Rewards(np.array([0.25, 0.75])), Rewards(np.array([0.5, 0.5]))
    for rewards in (first, later):
        call = reinforcement._by_group(rewards, PROMPTS, tmp_path / "run" / reinforcement.SHARES)
        call(["a"], [0], None)
    assert later.first_shares.tolist() == [0.25, 0.75]
