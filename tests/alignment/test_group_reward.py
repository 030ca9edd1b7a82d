"""A reward function of groups, alone and inside TRL's trainers."""

from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from types import SimpleNamespace

import numpy as np
import pytest

from polypref import Group, PreferenceModel
from polypref.alignment.group_reward import GroupReward
from polypref.alignment.guidance import advantages, block_advantages
from polypref.errors import PolyprefError
from tests.training.conftest import make_backbone


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    return make_backbone("llama", tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def model(backbone):
    return PreferenceModel.from_backbone(backbone, "general", dim=4, seed=3)


ANSWERS = ["the answer", "a question", "better", "some kind of answer"]


def test_a_sample_is_judged_against_the_others_of_its_prompt(model) -> None:
    rewards = GroupReward(model, 2)(prompts=["A?", "A?", "B?", "B?"], completions=ANSWERS)
    groups = [("A?", ANSWERS[:2]), ("B?", ANSWERS[2:])]
    expected = [advantages(log_odds(model, prompt, texts)) for prompt, texts in groups]
    np.testing.assert_allclose(rewards, np.concatenate(expected), atol=1e-9)
    unscaled = GroupReward(model, 4, scale="none")(["A?"] * 4, ANSWERS)
    np.testing.assert_allclose(unscaled, log_odds(model, "A?", ANSWERS).mean(axis=1), atol=1e-9)


def log_odds(model, prompt, texts):
    return next(iter(model.encode([Group(prompt, tuple(texts))])))[1].log_odds


def test_conversations_are_read_as_the_model_reads_groups(model) -> None:
    prompt = [{"role": "user", "content": "A?"}]
    answers = [[{"role": "assistant", "content": text}] for text in ANSWERS]
    rewards = GroupReward(model, 4)(prompts=[prompt] * 4, completions=answers)
    assert rewards == pytest.approx(GroupReward(model, 4)(["A?"] * 4, ANSWERS))


def test_blocks_are_scaled_by_themselves_and_their_drift_is_logged(model) -> None:
    told = {}
    reward = GroupReward(model, 4, "blocks")
    rewards = reward(["A?"] * 4, ANSWERS, log_metric=told.__setitem__)
    answer = next(iter(model.encode([Group("A?", tuple(ANSWERS))])))[1]
    np.testing.assert_allclose(rewards, block_advantages(answer)[0], atol=1e-9)
    assert told["polypref_blocks/drift"] == 0
    reward(["B?"] * 4, ANSWERS[::-1], log_metric=told.__setitem__)
    assert told["polypref_blocks/drift"] > 0


def test_the_mean_utility_is_logged_where_there_is_one(model, backbone) -> None:
    told = {}
    scalar = PreferenceModel.from_backbone(backbone, "scalar", seed=3)
    GroupReward(scalar, 2)(["A?", "A?", "B?", "B?"], ANSWERS, log_metric=told.__setitem__)
    groups = [Group("A?", tuple(ANSWERS[:2])), Group("B?", tuple(ANSWERS[2:]))]
    utilities = np.concatenate([answer.utilities for _, answer in scalar.encode(groups)])
    assert told["polypref_log-odds/utility"] == pytest.approx(utilities.mean())
    told.clear()
    GroupReward(model, 4)(["A?"] * 4, ANSWERS, log_metric=told.__setitem__)
    assert told.keys() == {"polypref_log-odds/empty"}


def test_samples_that_say_nothing_get_no_reward(model) -> None:
    told = {}
    rewards = GroupReward(model, 3)(["A?"] * 3, ["the answer", " ", "better"], log_metric=told.__setitem__)
    assert rewards[1] is None
    assert [rewards[0], rewards[2]] == pytest.approx(GroupReward(model, 2)(["A?"] * 2, ["the answer", "better"]))
    assert told["polypref_log-odds/empty"] == pytest.approx(1 / 3)
    with pytest.raises(PolyprefError, match="all 2 samples of the policy are empty"):
        GroupReward(model, 2)(["A?"] * 2, ["", "\n"])


@pytest.mark.parametrize(
    ("prompts", "words"),
    [
        (["A?", "A?", "B?"], "3 samples are no whole groups of 2"),
        (["A?", "B?", "A?", "B?"], "samples 0 and 1 of 4 have different prompts, expected 2 of one prompt in a row"),
        (["A?", "A?", "A?", "B?"], "samples 2 and 3 of 4 have different prompts"),
    ],
)
def test_chunks_that_are_no_groups_are_refused(model, prompts, words) -> None:
    with pytest.raises(PolyprefError, match=words):
        GroupReward(model, 2)(prompts, ["text"] * len(prompts))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"num_generations": 1}, "compares at least 2 samples"),
        ({"reward": "lod"}, "unknown reward 'lod'"),
        ({"scale": "batch"}, "unknown scale 'batch'"),
        ({"share": 0.0}, "share is 0.0"),
        ({"reward": "blocks", "scale": "none"}, "scales every block by itself"),
        ({"block_multipliers": [1.0]}, "block_multipliers are for the reward 'blocks'"),
    ],
)
def test_bad_settings_are_refused(model, settings, words) -> None:
    with pytest.raises(PolyprefError, match=words):
        GroupReward(model, **{"num_generations": 2, **settings})


class _Trainer(SimpleNamespace):
    def log_metric(self, name: str, value: float) -> None:
        self.told = {name: value}


def test_a_trainer_that_means_other_groups_or_scales_again_is_told(model) -> None:
    trainer = _Trainer(num_generations=4, scale_rewards="none", model=SimpleNamespace(training=True))
    with pytest.raises(PolyprefError, match="num_generations is 2 in GroupReward and 4 in the trainer"):
        GroupReward(model, 2)(["A?"] * 4, ANSWERS, log_metric=trainer.log_metric)
    trainer.scale_rewards = "group"
    reward = GroupReward(model, 4)
    with pytest.warns(UserWarning, match='set scale_rewards="none"'):
        reward(["A?"] * 4, ANSWERS, log_metric=trainer.log_metric)
    trainer.model.training, trainer.num_generations_eval = False, 2
    assert len(reward(["A?", "A?", "B?", "B?"], ANSWERS, log_metric=trainer.log_metric)) == 4


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of TRL and of what it imports
@pytest.mark.parametrize("name", ["GRPO", "RLOO"])
def test_trl_trains_with_it(name, model, backbone, tmp_path) -> None:
    trl = pytest.importorskip("trl")
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer

    reward = GroupReward(model, num_generations=4)
    seen: list[tuple[list[str], list[str], list[float | None]]] = []

    def spy(prompts, completions, **context):
        rewards = reward(prompts, completions, **context)
        seen.append((prompts, completions, rewards))
        return rewards

    unscaled = {"scale_rewards": "none"} if name == "GRPO" else {"normalize_advantages": False, "beta": 0.0}
    settings = getattr(trl, f"{name}Config")(
        output_dir=str(tmp_path),
        per_device_train_batch_size=8,
        num_generations=4,
        max_completion_length=6,
        max_steps=2,
        learning_rate=1e-3,
        report_to=[],
        use_cpu=True,
        logging_steps=1,
        seed=1,
        **unscaled,
    )
    trainer = getattr(trl, f"{name}Trainer")(
        AutoModelForCausalLM.from_pretrained(backbone),
        reward_funcs=spy,
        args=settings,
        train_dataset=Dataset.from_list([{"prompt": f"Question {at}?"} for at in range(8)]),
        processing_class=AutoTokenizer.from_pretrained(backbone),
    )
    trainer.train()
    assert len(seen) == 2
    for prompts, completions, rewards in seen:
        for start in (0, 4):
            chunk = completions[start : start + 4]
            assert len(set(prompts[start : start + 4])) == 1
            if all(text.strip() for text in chunk):
                want = advantages(log_odds(model, prompts[start], chunk))
                np.testing.assert_allclose(rewards[start : start + 4], want, atol=1e-6)
    factor = 1.0 if name == "GRPO" else 4 / 3  # RLOO leaves a sample out of its own baseline
    told = [np.nan if value is None else value for value in seen[-1][2]]
    np.testing.assert_allclose(list(trainer._logs["advantages"])[-8:], np.nan_to_num(told) * factor, atol=1e-3)
