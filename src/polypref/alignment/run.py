"""What the phases of a run of alignment share: its settings and prompts, and where its policies are."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Protocol, get_args

import numpy as np

from polypref.alignment.config import AlignmentConfig
from polypref.alignment.fitting import log_probs_of
from polypref.alignment.methods import Method, make_method
from polypref.alignment.reinforcement import Reinforcement, Trainer
from polypref.alignment.samples import Samples
from polypref.alignment.sampling import Sampling
from polypref.alignment.vllm_sampling import check_installed
from polypref.errors import PolyprefError
from polypref.files import write_whole
from polypref.groups.communities import by_community
from polypref.groups.model import Group, shown
from polypref.groups.sources import load_groups
from polypref.groups.splitting import check_parts, prompt_key, split_groups
from polypref.models.answer import Answer
from polypref.models.backbones import BackboneSettings
from polypref.models.causal import LanguageModel
from polypref.models.folders import LAST
from polypref.models.lm_adapters import go_on_with_adapter, merge_adapter
from polypref.models.lora import Lora
from polypref.models.preference_model import PreferenceModel
from polypref.training.instruction import tune
from polypref.training.progress import Report

CONFIG, FIT = "alignment.json", "fit.json"
BEFORE = "before"  # how the log-probabilities of the policy before alignment are named
INSTRUCTION, POLICY, ADAPTERS = "instruction", "policy", "adapter"
FREE = frozenset({"iterations", "judge", "guide_may_judge", "out"})  # settings that may change when a run goes on
_FITTED = ("log-odds", "expected", "quantile", "tail")  # rewards that the regression can follow
_OF_THE_RUN = frozenset("sampling share batch_size epochs learning_rate max_length lora seed trainer".split())


class AlignmentError(PolyprefError):
    """A run of alignment that cannot begin or go on."""


class Guide(Protocol):
    """What judges samples: a `PreferenceModel`, or anything else that answers about groups."""

    def encode(self, groups: Iterable[Group]) -> Iterable[tuple[Group, Answer]]:
        """Each group with what is said of it, log-odds at least, in order."""


class Run:
    """What the phases of a run share."""

    def __init__(self, config: AlignmentConfig, report: Report, guide: Guide | None) -> None:
        self.config = config
        self.given = guide
        self.report = report
        self.out = Path(config.out)
        self.trainer = config.method if config.method in get_args(Trainer) else None  # TRL's, in one iteration
        self._method = None if self.trainer else make_method(config.method, **config.method_settings)
        self.guides = [config.guide] if isinstance(config.guide, str) else list(config.guide)
        self._check()
        self.prompts, self.held_out = self._prompts()
        if config.anonymous is not None:
            self.prompts = _named(self.prompts, config.anonymous, config.seed)
            self.held_out = _named(self.held_out, 0.0, config.seed)

    # — before anything is computed —

    def _check(self) -> None:
        config = self.config
        if int(os.environ.get("WORLD_SIZE", 1)) > 1:
            raise AlignmentError(
                "align runs in one process, and torchrun has started several: start it without torchrun; "
                "alignment.reinforce (GRPO, RLOO) and polypref train run in several"
            )
        if config.sampling.engine == "vllm":
            check_installed()
        if config.sampling.max_tokens >= config.max_length:
            raise AlignmentError(
                f"answers of {config.sampling.max_tokens} tokens leave no room for a prompt in {config.max_length}: "
                "raise max_length, or lower sampling.max_tokens"
            )
        known = {field.name for field in fields(Reinforcement)} - _OF_THE_RUN
        wrong = sorted(config.method_settings.keys() - known) if self.trainer else []
        if wrong:
            raise AlignmentError(f"{self.trainer} has no setting {wrong[0]!r}; it has {', '.join(sorted(known))}")
        if self._method is not None and config.reward not in _FITTED:
            raise AlignmentError(
                f"{config.method} fits log-odds, or differences of what a sample is worth, and the reward is "
                f"{config.reward!r}; take one of {', '.join(_FITTED)}, or grpo or rloo"
            )
        if config.judge is not None and not config.guide_may_judge:
            same = [guide for guide in self.guides if place_of(guide) == place_of(config.judge)]
            if same:
                raise AlignmentError(
                    f"the judge {config.judge} is the guide, which says nothing of how good a policy is that it has "
                    "trained; name another judge, or set guide_may_judge"
                )

    def _prompts(self) -> tuple[list[Group], list[Group]]:
        """The prompts to learn from and those held out, each once; what people said about them is not looked at."""
        config = self.config
        prompts = distinct(load_groups(list(config.prompts), columns=config.columns))
        if config.eval_prompts:
            held_out = distinct(load_groups(list(config.eval_prompts), columns=config.columns))
            shared = {prompt_key(group) for group in prompts} & {prompt_key(group) for group in held_out}
            if shared:
                raise AlignmentError(
                    f"{len(shared)} of the eval_prompts are also learned from, such as {shown(min(shared))}: numbers "
                    "on them would say nothing; leave them out of one of the two"
                )
            return prompts, held_out
        if not config.eval_share:
            return prompts, []
        shares = {"train": 1 - config.eval_share, "held out": config.eval_share}
        parts = split_groups(prompts, shares, config.seed, purpose="held out")
        check_parts({name: len(part) for name, part in parts.items()}, config.seed)
        return parts["train"], parts["held out"]

    def begin(self) -> None:
        """Make the folder, check that it is of the same run, and tune the first policy on best responses if asked."""
        try:
            self.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AlignmentError(f"cannot write {self.out}: {error.strerror}") from error
        if (self.out / CONFIG).exists():
            self._check_same()
        write_whole(self.out / CONFIG, self.config.to_json())
        period = None if self.trainer else self.method.period
        if period is not None and period >= self.config.iterations:
            self.report.line(
                f"{self.config.method} moves its reference every {period} iterations and never in "
                f"{self.config.iterations}: set method_settings.every lower, or iterations higher"
            )
        sft = self.config.sft
        if sft is not None and not (self.out / INSTRUCTION / LAST).exists():
            groups = load_groups(list(sft.data), columns=self.config.columns)
            unseen = {prompt_key(group) for group in self.held_out}
            groups = [group for group in groups if prompt_key(group) not in unseen]
            tune(sft, self.config.policy, groups, self.out / INSTRUCTION, self.config.seed, self.report, self.loading)

    def _check_same(self) -> None:
        """More iterations and another judge may be asked for; nothing else may change."""
        before = json.loads((self.out / CONFIG).read_text(encoding="utf-8"))
        now = json.loads(self.config.to_json())
        changed = sorted(name for name in now.keys() - FREE if before.get(name) != now[name])
        if changed:
            raise AlignmentError(
                f"{self.out} was begun with other settings for {', '.join(changed)}; go on with the same, or choose "
                "another --out"
            )

    @property
    def method(self) -> Method:
        assert self._method is not None
        return self._method

    # — places —

    def folder(self, iteration: int) -> Path:
        return self.out / f"iteration-{iteration}"

    def policy_of(self, iteration: int) -> Path:
        """The policy after an iteration; 0 is the one before alignment."""
        if iteration:
            return self.folder(iteration) / POLICY
        return self.out / INSTRUCTION if self.config.sft is not None else Path(self.config.policy)

    @staticmethod
    def name_of(iteration: int) -> str:
        """How the log-probabilities of a policy are named."""
        return str(iteration) if iteration else BEFORE

    @property
    def loading(self) -> BackboneSettings:
        return BackboneSettings(dtype=self.config.dtype, trust_remote_code=self.config.trust_remote_code)

    def adapter_of(self, iteration: int) -> Path | None:
        """Where the adapter that makes a policy of the one before alignment lies; none where policies are whole."""
        adapted = iteration and self.config.lora is not None and not self.trainer
        return self.folder(iteration) / ADAPTERS if adapted else None

    @property
    def base(self) -> str:
        """The name of the policy before alignment."""
        return str(self.policy_of(0)) if self.config.sft is not None else self.config.policy

    def load(self, iteration: int, learns: bool = False, whole: bool = False) -> LanguageModel:
        """The policy after an iteration, with adapters to be trained if it learns and they are asked for.

        One that learns, or is to be saved whole, is in single precision: half of it would round small steps away.
        """
        lora, adapter = self.config.lora, self.adapter_of(iteration)
        adapters = Lora(lora.rank, lora.alpha, lora.targets or "all-linear") if learns and lora is not None else None
        model = LanguageModel.from_pretrained(
            self.base if adapter or not iteration else str(self.policy_of(iteration)),
            max_length=self.config.max_length,
            backbone=replace(self.loading, dtype="float32") if learns or whole else self.loading,
            lora=adapters,
        )
        if adapter:
            (go_on_with_adapter if learns else merge_adapter)(model, adapter)
        return model

    def name_whole(self, iteration: int, model: LanguageModel, folder: Path) -> str:
        """What another library loads a policy by, which is written into an empty folder where only its adapter lies."""
        if self.adapter_of(iteration) is None:
            return str(self.policy_of(iteration)) if iteration else self.base
        if (self.policy_of(iteration) / LAST).exists():
            return str(self.policy_of(iteration))
        model.save_pretrained(folder)
        return str(folder)

    def reference_at(self, iteration: int) -> int:
        """Which policy is the reference in an iteration: the one before alignment, unless the method moves it."""
        moved = [done for done in range(1, iteration) if self.method.moves_reference(done)]
        return moved[-1] if moved else 0

    def chosen(self, iteration: int) -> list[Group]:
        """The prompts of an iteration: all, or as many as are asked for, going round."""
        count = self.config.prompts_per_iteration
        if count is None or count >= len(self.prompts):
            return self.prompts
        order = np.random.default_rng(self.config.seed).permutation(len(self.prompts))
        start = (iteration - 1) * count
        return [self.prompts[order[at % len(order)]] for at in range(start, start + count)]

    @property
    def sampling(self) -> Sampling:
        settings = self.config.sampling
        return Sampling(settings.count, settings.max_tokens, settings.temperature, settings.top_p)

    def preference_model(self) -> PreferenceModel:
        if self.given is None:
            return PreferenceModel.from_pretrained(self.guides[0])
        if not isinstance(self.given, PreferenceModel):
            raise AlignmentError(f"{self.trainer} follows a preference model, not a {type(self.given).__name__}")
        return self.given

    # — what policies say —

    def with_log_probs(self, samples: Sequence[Samples], policies: Iterable[int]) -> list[Samples]:
        """The samples with how likely the policies after these iterations are to give them, one loaded at a time."""
        known = list(samples)
        budget, room = self.config.fit.tokens_per_pass * 4, self.config.sampling.max_tokens
        for policy in sorted(set(policies)):
            found = log_probs_of(self.load(policy), known, budget, room)
            name = self.name_of(policy)
            known = [
                replace(one, log_probs={**one.log_probs, name: tuple(values.tolist())})
                for one, values in zip(known, found)
            ]
            gc.collect()
        return known


def distinct(groups: Sequence[Group]) -> list[Group]:
    """One group for each prompt."""
    return list({prompt_key(group): group for group in groups}.values())


def _named(prompts: Sequence[Group], dropped: float, seed: int) -> list[Group]:
    """Prompts that say whose community asks, but for some that do not."""
    bare = (replace(group, comparisons=(), ratings=()) for group in prompts)
    return list(by_community(bare, dropped=dropped, seed=seed))


def seed_of(*numbers: int) -> int:
    return int(np.random.SeedSequence([number % (1 << 32) for number in numbers]).generate_state(1)[0])


def place_of(name: str) -> str:
    """A model's name, or the place of its folder however it is written."""
    return str(Path(name).resolve()) if Path(name).exists() else name
