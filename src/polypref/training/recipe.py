"""Training from a configuration, top to bottom: read, build, tokenise, train, save."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import TrainerCallback

from polypref import __version__
from polypref.files import write_whole
from polypref.groups.communities import by_community
from polypref.groups.model import Group, shown
from polypref.groups.sources import Data, Sources
from polypref.groups.splitting import check_parts, prompt_key, split_groups
from polypref.models.folders import LAST
from polypref.models.inputs import Input
from polypref.models.packing import InputT, Pack, PackEncoder, PackT
from polypref.models.preference_model import PreferenceModel
from polypref.models.tastes import Tastes
from polypref.objectives import group_judgments
from polypref.objectives.judgments import Uses
from polypref.training.arguments import training_arguments
from polypref.training.building import build_model, check_data, head_of, objective_of, people_to_learn
from polypref.training.config import ConfigError, TrainingConfig
from polypref.training.data import Tally, TrainingGroup, training_groups
from polypref.training.frozen import FeaturePack, FrozenEncoder, with_features
from polypref.training.memory import affordable_tokens, keep_freed_memory
from polypref.training.mixing import Enrichment, EpochTeller, MixingSampler
from polypref.training.overwriting import place_beside, put_in_place, settle
from polypref.training.progress import ModelWatcher, Report, callbacks
from polypref.training.record import data_record
from polypref.training.reporters import check_reporters
from polypref.training.resuming import CONFIG, begin, checkpoint_of
from polypref.training.trainer import GroupDataset, PreferenceTrainer

HISTORY = "history.json"  # what was logged, step by step
Examples = Sequence[TrainingGroup[InputT]]


@dataclass(frozen=True)
class TrainingResult:
    """A finished run."""

    model: PreferenceModel
    out: Path
    tally: Tally
    metrics: dict[str, float]  # of the last evaluation; empty without held-out groups
    history: list[dict[str, float]]  # what was logged, step by step
    steps: int


def train(
    config: TrainingConfig,
    groups: Data | None = None,
    eval_groups: Data | None = None,
    report: Report | None = None,
    watchers: Sequence[TrainerCallback] = (),
    enrichment: Enrichment | None = None,
    language_model: str | None = None,
) -> TrainingResult:
    """Train a preference model and save it in `config.out`.

    What is handed over, groups, data frames or all else that `load_groups` takes, stands in for `config.data` and
    `config.eval_data`; `report` is told in plain lines what happens,
    `watchers` are callbacks of transformers' Trainer, and `enrichment` is what to mix into the groups trained on.
    `language_model` is the checkpoint whose language-modelling head imitation uses, if not that of the backbone.
    """
    report = joined(report or Report())
    out = Path(config.out)
    check_reporters(config.report_to)
    if _overwrites(config):
        beside = config.model_copy(update={"out": str(place_beside(out)), "overwrite": False})
        result = train(beside, groups, eval_groups, report, watchers, enrichment, language_model)
        write_whole(result.out / CONFIG, config.to_json())
        put_in_place(out)
        return replace(result, out=out)
    checkpoint = checkpoint_of(out, config)

    train_set, eval_set = _data(config, groups, eval_groups, report)
    if config.anonymous is not None:
        train_set = list(by_community(train_set, dropped=config.anonymous, seed=config.seed))
        eval_set = list(by_community(eval_set, dropped=0.0))
    objective = objective_of(config)
    head = head_of(config, [*train_set, *eval_set], objective)
    check_data(objective, train_set)
    model = build_model(config, head, language_model)
    names = people_to_learn(head, objective, train_set, report)
    if names:
        model.encoder.tastes = Tastes(len(names), head.tastes, config.seed).to(model.encoder.device)

    tokenise = partial(
        training_groups,
        model=model,
        objective=objective,
        prior=config.prior,
        smoothing=config.smoothing,
        persons={name: at for at, name in enumerate(names)} if names else None,
    )
    imitation = config.imitation > 0
    kept, tally = tokenise(train_set, imitation=imitation)
    to_mix = _to_mix(enrichment, len(kept), config, objective.uses) if enrichment else []
    mixed = tokenise(to_mix, imitation=imitation)[0]
    held_out, held_out_tally = tokenise(eval_set, judged_only=False)
    report.data(tally, held_out_tally, model.inputs.max_length)
    sampler = _sampler(enrichment, kept, mixed, config.seed) if enrichment else None
    watchers = [*watchers, *([EpochTeller(sampler)] if sampler else [])]
    if objective.uses == "ratings" and model.labels is not None:
        opinions = [group_judgments(group.group, model.labels).opinion for group in kept]
        model.training_opinion = tuple(np.concatenate(opinions).mean(axis=0).tolist())

    begin(out, config)
    keep_freed_memory()

    def trainer_of(
        module: PackEncoder[InputT, PackT], own: Examples[InputT], other: Examples[InputT], held_out: Examples[InputT]
    ) -> PreferenceTrainer[InputT, PackT]:
        return PreferenceTrainer(
            model,
            objective,
            training_arguments(config, evaluated=bool(held_out)),
            GroupDataset([*own, *other]),
            GroupDataset(held_out) if held_out else None,
            module,
            tokens_per_pass=config.tokens_per_pass or affordable_tokens(model.encoder),
            state_layer_rate=1.0 if config.frozen else config.state_layer_rate,
            keep_checkpoints=config.keep_checkpoints,
            imitation=config.imitation,
            person_rate=config.person_rate,
            calibrate=config.calibrate,
            callbacks=[*callbacks(report, config.patience, config.max_seconds), *watchers],
            sampler=sampler,
        )

    trainer: PreferenceTrainer[Input, Pack] | PreferenceTrainer[Tensor, FeaturePack]
    if config.frozen:
        read = partial(with_features, model=model, backbone=config.backbone, progress=report.features)
        trainer = trainer_of(FrozenEncoder(model), read(kept), read(mixed), read(held_out))
    else:
        trainer = trainer_of(model.encoder, kept, mixed, held_out)
    for watcher in watchers:
        if isinstance(watcher, ModelWatcher):
            watcher.meet(model)
    run = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)

    if names:
        trainer.fit_persons(names)
    metrics = _last_metrics(trainer, config) if held_out else {}
    if model.temperature != 1:
        report.line(f"calibrated: log-odds are divided by {model.temperature:.3g}, fitted to the held-out groups")
    record = {
        "polypref": __version__,
        "steps": run.global_step,
        "objective": objective.name,
        "metrics": metrics,
        **data_record(config.data, train_set, tally, config.eval_data, eval_set, held_out_tally),
        "intervals": trainer.intervals(),
    }
    if trainer.args.should_save:  # before the model, with which the run is finished
        write_whole(out / HISTORY, json.dumps(trainer.state.log_history, indent=2) + "\n")
    trainer.save_final(out, record)
    return TrainingResult(model, out, tally, metrics, trainer.state.log_history, run.global_step)


def joined(report: Report) -> Report:
    """Under torchrun: take the GPU of this process, and leave the telling to the first process."""
    if torch.cuda.is_available() and "LOCAL_RANK" in os.environ:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    return report if int(os.environ.get("RANK", 0)) == 0 else Report()


def _overwrites(config: TrainingConfig) -> bool:
    """Whether there is a model in the place of the new one, which is asked to go."""
    if not config.overwrite:
        return False
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        raise ConfigError("several processes cannot overwrite a model: train into another --out, and move it there")
    settle(Path(config.out))
    return (Path(config.out) / LAST).exists()


def _last_metrics(trainer: PreferenceTrainer[Any, Any], config: TrainingConfig) -> dict[str, float]:
    """What the model that is saved reaches; it was measured already, unless an earlier checkpoint became the model, the
    run was killed just then, or persons' tastes were fitted since."""
    logged = [entry for entry in trainer.state.log_history if "eval_loss" in entry]
    is_last = logged and logged[-1]["step"] == trainer.state.global_step
    if is_last and trainer.evaluated and not config.best_metric and trainer.preference_model.persons is None:
        return {name: value for name, value in logged[-1].items() if name.startswith("eval_")}
    return trainer.evaluate()


def _to_mix(enrichment: Enrichment, own: int, config: TrainingConfig, uses: Uses) -> Sequence[Group]:
    """As many judged groups as are mixed in during the run, drawn by the seed, or all: others are not tokenised."""
    judged = [group for group in enrichment.groups if getattr(group, uses)]
    if config.max_steps > 0:
        places = config.max_steps * config.batch_size * config.accumulation
    else:
        places = math.ceil(config.epochs) * len(MixingSampler(own, len(judged), enrichment.share, config.seed))
    needed = math.ceil(places * enrichment.share)
    if needed >= len(judged):
        return judged
    drawn = np.random.default_rng(config.seed).permutation(len(judged))[:needed]
    return [judged[at] for at in sorted(drawn)]


def _sampler(enrichment: Enrichment, own: Examples[Input], mixed: Examples[Input], seed: int) -> MixingSampler:
    if not mixed:
        raise ConfigError("the groups to mix in hold no judgment to learn from; name others, or mix none in")
    return MixingSampler(len(own), len(mixed), enrichment.share, seed)


def _data(
    config: TrainingConfig, groups: Data | None, eval_groups: Data | None, report: Report
) -> tuple[list[Group], list[Group]]:
    """The groups to train on and those held out, which share no prompt."""
    train_set = _read(config.data if groups is None else groups, config, report)
    held_out = _read(config.eval_data if eval_groups is None else eval_groups, config, report)
    if not held_out and config.eval_share:
        shares = {"train": 1 - config.eval_share, "held out": config.eval_share}
        parts = split_groups(train_set, shares, config.seed, purpose="held out")  # whatever split these data before
        check_parts({name: len(part) for name, part in parts.items()}, config.seed)
        return parts["train"], parts["held out"]
    shared = {prompt_key(group) for group in train_set} & {prompt_key(group) for group in held_out}
    if shared:
        example = shown(min(shared))
        raise ConfigError(
            f"{len(shared)} prompts of the evaluation data are also trained on, such as {example}: numbers on them "
            "would say nothing; split by prompt with polypref convert --split"
        )
    return train_set, held_out


def _read(data: Data, config: TrainingConfig, report: Report) -> list[Group]:
    sources = Sources(
        data,
        format=config.format,
        preferred=config.preferred,
        skip_bad=config.skip_bad,
        columns=config.columns,
        pairs_from_ratings=config.pairs_from_ratings,
        merge=True,
    )
    return sources.read(report.line)
