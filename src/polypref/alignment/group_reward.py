"""Any preference model as a reward function of TRL's GRPO and RLOO trainers, which know no rewards of groups."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from polypref.alignment.guidance import Floats, advantages, block_advantages, check_reward, leads
from polypref.errors import PolyprefError
from polypref.groups.model import Group
from polypref.models.answer import StateAnswer
from polypref.models.preference_model import PreferenceModel


class GroupReward:
    """`GRPOTrainer(reward_funcs=GroupReward(model, num_generations=8), args=GRPOConfig(scale_rewards="none", …), …)`.

    A sample is judged against the others of its prompt, all read in one encoding. `reward` is what is compared:
    `log-odds`, `win-rate`, `lottery`, `expected`, `quantile`, `tail` (`share` of the crowd for these two) or `blocks`.

    With `scale="group"` the rewards of a group are its advantages, scaled as GRPO does for a scalar reward and rightly
    where preferences are cyclic (`guidance.advantages`); let the trainer not scale them once more
    (`scale_rewards="none"`). With `scale="none"` they are mean leads, in the units of the reward. Both sum to 0 in a
    group; RLOO's baseline, which leaves a sample itself out, makes mean leads over the K − 1 others of them.

    The trainer has to hand over whole groups: `num_generations` samples of one prompt in a row, all on one process.
    Samples that say nothing get no reward (None: TRL gives them the advantage 0).
    """

    def __init__(
        self,
        model: PreferenceModel,
        num_generations: int,
        reward: str = "log-odds",
        *,
        share: float = 0.25,
        scale: str = "group",
        block_multipliers: Sequence[float] | None = None,
    ) -> None:
        check_reward(reward, model.head, share)
        if num_generations < 2:
            raise PolyprefError(f"num_generations is {num_generations}; a group reward compares at least 2 samples")
        if scale not in ("group", "none"):
            raise PolyprefError(f"unknown scale {scale!r}; known are group, none")
        if not 0 < share <= 1:
            raise PolyprefError(f"share is {share}; expected a share of the crowd above 0, up to 1")
        if reward == "blocks" and scale == "none":
            raise PolyprefError("the reward 'blocks' scales every block by itself; take scale='group'")
        if block_multipliers is not None and reward != "blocks":
            raise PolyprefError(f"block_multipliers are for the reward 'blocks', not {reward!r}")
        self.model = model
        self.num_generations = num_generations
        self.reward = reward
        self.share = share
        self.scale = scale
        self.block_multipliers = block_multipliers
        self.__name__ = f"polypref_{reward}"  # what trainers log it as
        self._trainer_checked = False
        self.first_shares: Floats | None = None  # of the blocks in the first batch, from which they drift

    def __call__(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        log_metric: Callable[[str, float], None] | None = None,
        **others: Any,
    ) -> list[float | None]:
        """One reward per sample, in order; the arguments are those that TRL calls reward functions with."""
        size = self._group_size(getattr(log_metric, "__self__", None))
        groups, places = [], []
        for start, prompt, texts in _chunks(prompts, completions, size):
            said = [at for at, text in enumerate(texts) if text and not text.isspace()]
            if said:
                groups.append(Group(prompt, tuple(texts[at] for at in said)))
                places.append([start + at for at in said])
        if not groups:
            raise PolyprefError(
                f"all {len(completions):,} samples of the policy are empty: look at its chat template, its end of "
                "sequence token and max_completion_length"
            )
        rewards: list[float | None] = [None] * len(prompts)
        shares = []
        utilities: list[float] = []
        for at, (_, answer) in zip(places, self.model.encode(groups)):
            values, of_blocks = self._values(answer)
            shares.append(of_blocks)
            utilities.extend(answer.utilities)
            for place, value in zip(at, values):
                rewards[place] = float(value)
        if log_metric is not None:
            log_metric(f"{self.__name__}/empty", rewards.count(None) / len(rewards))
            if "utilities" in self.model.head.says:  # rewards add up to 0 in every group; this may rise
                log_metric(f"{self.__name__}/utility", float(np.mean(utilities)))
            if self.reward == "blocks":
                log_metric(f"{self.__name__}/drift", self._drift(np.mean(shares, axis=0)))
        return rewards

    def _values(self, answer: StateAnswer) -> tuple[Floats, Floats]:
        if self.reward == "blocks":
            return block_advantages(answer, self.block_multipliers)
        ahead = leads(answer, self.reward, self.share)
        return (advantages(ahead) if self.scale == "group" else ahead.mean(axis=1)), np.ones(1)

    def _drift(self, shares: Floats) -> float:
        """KL(α(now) ‖ α(first)) of the blocks' shares of the variance: how far the policy bets on other blocks."""
        if self.first_shares is None:
            self.first_shares = shares
        now, first = np.maximum(shares, 1e-12), np.maximum(self.first_shares, 1e-12)
        return float((now * np.log(now / first)).sum())

    def _group_size(self, trainer: Any) -> int:
        """Samples per prompt, which the trainer, where it is known, has to agree on."""
        of_trainer = getattr(trainer, "num_generations", None)
        if of_trainer is None:
            return self.num_generations
        if of_trainer != self.num_generations:
            raise PolyprefError(
                f"num_generations is {self.num_generations} in GroupReward and {of_trainer} in the trainer: give both "
                "the same"
            )
        if not self._trainer_checked:
            self._trainer_checked = True
            scaled = getattr(trainer, "scale_rewards", "none")
            if self.scale == "group" and scaled not in ("none", False):
                warnings.warn(
                    f"the trainer scales rewards once more (scale_rewards={scaled!r}), which turns what is left of a "
                    'cycle into large advantages: set scale_rewards="none" in its configuration',
                    stacklevel=3,
                )
        if not trainer.model.training:
            return int(getattr(trainer, "num_generations_eval", of_trainer))
        return int(of_trainer)


def _chunks(prompts: Sequence[Any], completions: Sequence[Any], size: int) -> Iterator[tuple[int, Any, list[str]]]:
    """Where each group of samples starts, its prompt and the texts; refused where a chunk is not one prompt's."""
    if len(prompts) != len(completions):
        raise PolyprefError(f"{len(prompts):,} prompts for {len(completions):,} samples")
    if len(prompts) % size:
        raise PolyprefError(
            f"{len(prompts):,} samples are no whole groups of {size}: let the number that one process gets "
            "(per_device_train_batch_size × steps per generation) be a multiple of num_generations"
        )
    for start in range(0, len(prompts), size):
        chunk = prompts[start : start + size]
        other = next((at for at, prompt in enumerate(chunk) if prompt != chunk[0]), None)
        if other is not None:
            raise PolyprefError(
                f"samples {start} and {start + other} of {len(prompts):,} have different prompts, expected {size} "
                "of one prompt in a row: num_generations differs from the trainer's, a group is split over processes, "
                "or the trainer (such as OnlineDPO) orders samples otherwise"
            )
        yield start, chunk[0], [_text(completion) for completion in completions[start : start + size]]


def _text(completion: Any) -> str:
    """The text of a sample, which is a string or a list of messages."""
    if isinstance(completion, str):
        return completion
    return "\n\n".join(filter(None, (_content(message) for message in completion)))


def _content(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)
