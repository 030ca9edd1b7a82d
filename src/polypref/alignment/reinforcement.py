"""Reinforcement of a language model with a preference model's rewards, by TRL's GRPO or RLOO trainer."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from transformers import PrinterCallback, set_seed

from polypref.alignment.group_reward import GroupReward
from polypref.alignment.sampling import Sampling
from polypref.errors import PolyprefError
from polypref.files import write_whole
from polypref.groups.model import Group
from polypref.models.backbones import BackboneSettings
from polypref.models.causal import LanguageModel
from polypref.models.folders import LAST
from polypref.models.inputs import turns_of
from polypref.models.lora import Lora, peft_config
from polypref.models.preference_model import PreferenceModel
from polypref.training.checkpoints import drop_unfinished, last_complete
from polypref.training.instruction import Completer
from polypref.training.progress import Report, StepReporter
from polypref.training.recipe import joined

Trainer = Literal["grpo", "rloo"]
SETTINGS, HISTORY, RUN = "reinforcement.json", "history.json", "run"  # in `out`; the last is deleted at the end
SHARES = "first-shares.json"  # in `run`: how large blocks were in the first batch
_SHOWN = ("loss", "kl", "entropy", "completions/mean_length", "completions/clipped_ratio")


@dataclass(frozen=True, kw_only=True)
class Reinforcement:
    """How a policy is trained; what is not named here has TRL's defaults."""

    sampling: Sampling = field(default_factory=Sampling)
    share: float = 0.25  # of the crowd, for the rewards quantile and tail
    scale: str = "group"  # of rewards, or "none", see `GroupReward`
    beta: float = 0.0  # the price of a nat of KL to the policy as it was loaded; 0 needs no copy of that
    batch_size: int = 8  # prompts per optimiser step and process; the samples of one are read at a time
    epochs: float = 1.0
    max_steps: int = -1  # −1: as many as the epochs have
    learning_rate: float = 1e-6
    save_steps: int = 50  # a killed run repeats at most these
    max_length: int | None = None  # tokens of a prompt and its answer; none: as many as the policy reads
    lora: Lora | None = None  # adapters instead of all weights; the model that is saved has them merged
    seed: int = 0
    trainer: Mapping[str, Any] = field(default_factory=dict)  # any other setting of TRL's GRPOConfig or RLOOConfig


@dataclass(frozen=True)
class Reinforced:
    """A finished run."""

    out: Path
    steps: int
    history: list[dict[str, Any]]  # what was logged, step by step


def reinforce(
    policy: str,
    guide: PreferenceModel,
    prompts: Sequence[Group],
    out: str | Path,
    *,
    trainer: Trainer = "grpo",
    reward: str = "log-odds",
    settings: Reinforcement | None = None,
    loading: BackboneSettings | None = None,
    report: Report | None = None,
) -> Reinforced:
    """Train `policy`, a language model by name or path, on its own answers to the prompts, and save it in `out`.

    Of the groups only prompts are looked at. A run that was killed goes on from its last checkpoint when started again
    with the same settings; one that is finished is left alone.
    """
    if trainer not in get_args(Trainer):
        raise PolyprefError(f"unknown trainer {trainer!r}; known are {', '.join(get_args(Trainer))}")
    make_config, make_trainer = _of_trl(trainer)
    from datasets import Dataset  # which TRL needs

    out, report = Path(out), joined(report or Report())
    settings, loading = settings or Reinforcement(), loading or BackboneSettings()
    rewards = GroupReward(guide, settings.sampling.count, reward, share=settings.share, scale=settings.scale)
    _begin(out, _described(policy, guide, prompts, trainer, reward, settings))
    if (out / LAST).exists():
        history = json.loads((out / HISTORY).read_text(encoding="utf-8"))
        report.line(f"{out} holds the finished policy")
        return Reinforced(out, max((entry.get("step", 0) for entry in history), default=0), history)
    language = LanguageModel.from_pretrained(policy, max_length=settings.max_length, backbone=loading)
    fit = _with_room(language, prompts, settings.sampling.max_tokens, report)
    rows = [{"prompt": turns_of(prompts[at].prompt), "group": at} for at in _in_order(fit, settings)]
    arguments = _arguments(make_config, trainer, out / RUN, settings, loading)
    if _is_first():
        drop_unfinished(out / RUN)
    checkpoint = last_complete(out / RUN)
    if checkpoint:
        report.line(f"going on from {checkpoint}")
    set_seed(settings.seed)  # for adapters, which are new
    with language.ordinary() as model:
        model.generation_config.eos_token_id = list(language.ends)
        run = make_trainer(
            model,
            _by_group(rewards, prompts, out / RUN / SHARES),
            args=arguments,
            train_dataset=Dataset.from_list(rows),
            processing_class=language.tokenizer,
            callbacks=[_Teller(report), Completer()],
            peft_config=peft_config(model, settings.lora) if settings.lora else None,
        )
        run.remove_callback(PrinterCallback)
        run.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    history = run.state.log_history
    if _is_first():
        write_whole(out / HISTORY, json.dumps(history, indent=2) + "\n")
        language.save_pretrained(out)
        shutil.rmtree(out / RUN, ignore_errors=True)
    return Reinforced(out, run.state.global_step, history)


def _of_trl(trainer: Trainer) -> tuple[Any, Any]:
    """TRL's configuration and trainer."""
    try:
        import trl
    except ImportError:
        raise PolyprefError(
            f"{trainer} trains with TRL, which is not installed; install it with pip install trl"
        ) from None
    name = trainer.upper()
    return getattr(trl, f"{name}Config"), getattr(trl, f"{name}Trainer")


def _described(
    policy: str,
    guide: PreferenceModel,
    prompts: Sequence[Group],
    trainer: str,
    reward: str,
    settings: Reinforcement,
) -> dict[str, Any]:
    """What a run has to be gone on with, as JSON."""
    texts = json.dumps([group.prompt for group in prompts])
    described = {
        "policy": policy,
        "guide": _fingerprint(guide),
        "trainer": trainer,
        "reward": reward,
        "prompts": hashlib.sha256(texts.encode()).hexdigest(),
        **asdict(settings),
    }
    known: dict[str, Any] = json.loads(json.dumps(described, default=str))
    return known


def _fingerprint(guide: PreferenceModel) -> str:
    """Tells whether a guide is the same, wherever it lies; one that is no model is known by its kind alone."""
    if not isinstance(guide, PreferenceModel):
        return type(guide).__name__
    found = hashlib.sha256(repr(guide.head).encode())
    for name, weight in guide.encoder.named_parameters():
        found.update(name.encode())
        found.update(weight.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def _is_first() -> bool:
    """Whether this is the process that writes."""
    return int(os.environ.get("RANK", 0)) == 0


def _begin(out: Path, described: dict[str, Any]) -> None:
    """Write what the run is into `out`, or refuse one that was begun otherwise."""
    file = out / SETTINGS
    if not _is_first():
        return
    if not file.exists():
        if (out / LAST).exists():
            raise PolyprefError(f"{out} already holds a model; choose another folder")
        out.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(described, indent=2) + "\n")
        return
    before = json.loads(file.read_text(encoding="utf-8"))
    other = [name for name in described if before.get(name) != described[name]]
    if other:
        raise PolyprefError(
            f"the run in {out} was started with another {other[0]}: go on with the same settings, or choose another "
            "folder"
        )


def _with_room(language: LanguageModel, prompts: Sequence[Group], room: int, report: Report) -> list[int]:
    """Which prompts an answer of `room` tokens fits behind; the others are left out."""
    uncut = replace(language.inputs, max_length=sys.maxsize)
    most = language.inputs.max_length - room
    fit = [at for at, group in enumerate(prompts) if len(uncut.opening(group.prompt, 0)) <= most]
    if not fit:
        raise PolyprefError(
            f"none of the {len(prompts):,} prompts leaves room for an answer of {room:,} tokens among "
            f"{language.inputs.max_length:,}: let max_tokens be smaller, or max_length greater"
        )
    report.line(f"{len(fit):,} prompts")
    if len(fit) < len(prompts):
        report.line(f"{len(prompts) - len(fit):,} more are left out: they are longer than {most:,} tokens")
    return fit


def _in_order(fit: Sequence[int], settings: Reinforcement) -> list[int]:
    """The prompts of all optimiser steps, each epoch shuffled anew: TRL's own order is not that of a resumed run."""
    of_step = settings.batch_size * int(os.environ.get("WORLD_SIZE", 1))
    steps = settings.max_steps if settings.max_steps > 0 else math.ceil(settings.epochs * len(fit) / of_step)
    epochs = math.ceil(steps * of_step / len(fit))
    order = np.concatenate([np.random.default_rng([settings.seed, at]).permutation(len(fit)) for at in range(epochs)])
    return [fit[at] for at in order[: steps * of_step]]


def _by_group(rewards: GroupReward, prompts: Sequence[Group], shares: Path) -> Callable[..., list[float | None]]:
    """The reward function with prompts as the guide knows them, which TRL passes as messages.

    The shares of blocks in the first batch are kept, for a run that goes on to drift from the same.
    """
    if shares.exists():
        rewards.first_shares = np.array(json.loads(shares.read_text(encoding="utf-8")))

    def reward(completions: Sequence[Any], group: Sequence[int], log_metric: Any, **_: Any) -> list[float | None]:
        found = rewards([prompts[at].prompt for at in group], completions, log_metric)
        if rewards.first_shares is not None and not shares.exists() and _is_first():
            shares.parent.mkdir(parents=True, exist_ok=True)
            write_whole(shares, json.dumps(rewards.first_shares.tolist()))
        return found

    reward.__name__ = rewards.__name__
    return reward


def _arguments(
    make_config: Any, trainer: Trainer, run: Path, settings: Reinforcement, loading: BackboneSettings
) -> Any:
    sampling = settings.sampling
    unscaled = {"scale_rewards": "none"} if trainer == "grpo" else {"normalize_advantages": False}
    arguments = {
        "output_dir": str(run),
        "num_generations": sampling.count,
        "max_completion_length": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "per_device_train_batch_size": sampling.count,
        "gradient_accumulation_steps": settings.batch_size,
        "num_train_epochs": 1,
        "shuffle_dataset": False,
        "learning_rate": settings.learning_rate,
        "beta": settings.beta,
        "seed": settings.seed,
        "save_strategy": "steps",
        "save_steps": settings.save_steps,
        "save_total_limit": 2,
        "activation_checkpointing": False,
        "bf16": loading.dtype == "bfloat16",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": not torch.accelerator.is_available(),
        "dataloader_pin_memory": False,
        **unscaled,
        **settings.trainer,
    }
    try:
        return make_config(**arguments)
    except (TypeError, ValueError) as error:
        raise PolyprefError(f"TRL refuses the settings: {' '.join(str(error).split())}") from error


class _Teller(StepReporter):
    """Tells of what TRL logs the few numbers that say whether a policy learns, and at what price."""

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **others: Any) -> None:
        known = {} if logs is None or "train_runtime" in logs else logs
        shown = {name: value for name, value in known.items() if name.startswith("polypref") or name in _SHOWN}
        super().on_log(args, state, control, shown, **others)
