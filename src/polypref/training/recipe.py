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
from transformers import TrainerCallback, TrainingArguments

from polypref import __version__
from polypref.errors import unknown
from polypref.evaluation.catalogue import BY_NAME, WATCHED
from polypref.files import write_whole
from polypref.groups.communities import by_community
from polypref.groups.model import Group, shown
from polypref.groups.sources import Data, Sources
from polypref.groups.splitting import check_parts, prompt_key, split_groups
from polypref.models.adapters import Lora
from polypref.models.backbones import BackboneSettings
from polypref.models.folders import LAST
from polypref.models.heads import Head, make_head, plain_head
from polypref.models.imitation import language_head
from polypref.models.inputs import Input
from polypref.models.packing import InputT, Pack, PackEncoder, PackT
from polypref.models.persons import spelt_alike
from polypref.models.preference_model import PreferenceModel
from polypref.models.tastes import Tastes
from polypref.objectives import Objective, default_objective, group_judgments, labels_of, make_objective
from polypref.objectives.judgments import Uses, persons_of
from polypref.training.checkpoints import drop_unfinished, last_complete
from polypref.training.config import ConfigError, TrainingConfig
from polypref.training.data import Tally, TrainingGroup, training_groups
from polypref.training.frozen import FeaturePack, FrozenEncoder, with_features
from polypref.training.memory import affordable_tokens, keep_freed_memory
from polypref.training.mixing import Enrichment, EpochTeller, MixingSampler
from polypref.training.overwriting import place_beside, put_in_place, settle
from polypref.training.places import anywhere
from polypref.training.progress import ModelWatcher, Report, callbacks
from polypref.training.record import data_record
from polypref.training.reporters import check_reporters
from polypref.training.trainer import GroupDataset, PreferenceTrainer

CONFIG = "training.json"  # the resolved configuration, beside the model
_MOST_LABELS = 50
HISTORY = "history.json"  # what was logged, step by step
Examples = Sequence[TrainingGroup[InputT]]
METRICS = ("loss", *(metric.name for metric in WATCHED))  # of held-out groups


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
    checkpoint = _checkpoint(out, config)

    train_set, eval_set = _data(config, groups, eval_groups, report)
    if config.anonymous is not None:
        train_set = list(by_community(train_set, dropped=config.anonymous, seed=config.seed))
        eval_set = list(by_community(eval_set, dropped=0.0))
    objective = objective_of(config)
    head = _head(config, [*train_set, *eval_set], objective)
    _check_data(objective, train_set)
    model = build_model(config, head, language_model)
    names = _persons(head, objective, train_set, report)
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

    _begin(out, config)
    keep_freed_memory()

    def trainer_of(
        module: PackEncoder[InputT, PackT], own: Examples[InputT], other: Examples[InputT], held_out: Examples[InputT]
    ) -> PreferenceTrainer[InputT, PackT]:
        return PreferenceTrainer(
            model,
            objective,
            _arguments(config, evaluated=bool(held_out)),
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


def _checkpoint(out: Path, config: TrainingConfig) -> Path | None:
    """The checkpoint to go on from, if any.

    A folder that holds a model or another run is left alone; what a killed run left half-written is deleted.
    """
    checkpoint = last_complete(out)
    if (out / LAST).exists():
        raise ConfigError(f"{out} already holds a model; choose another --out, or add --overwrite")
    if config.resume:
        _check_same_run(out, config)
        drop_unfinished(out)
        return checkpoint
    if checkpoint:
        raise ConfigError(
            f"{out} holds an unfinished run ({checkpoint.name}); add --resume to go on, or delete it first"
        )
    return None


def _begin(out: Path, config: TrainingConfig) -> None:
    """Make the run's folder and write its configuration there, from the first process alone."""
    if int(os.environ.get("RANK", 0)) > 0:
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_whole(out / CONFIG, anywhere(config).to_json())
    except OSError as error:
        raise ConfigError(f"cannot write {out}: {error.strerror}") from error


def _check_same_run(out: Path, config: TrainingConfig) -> None:
    """Refuse to go on with other settings than those the run was started with."""
    if not (out / CONFIG).exists():
        raise ConfigError(f"{out} holds no run to resume ({CONFIG} is missing); leave --resume out to start one")
    before = json.loads(TrainingConfig().to_json())  # what an older run does not name was as it is by default
    try:
        before |= json.loads((out / CONFIG).read_text(encoding="utf-8"))
    except (OSError, TypeError, ValueError) as error:
        raise ConfigError(f"cannot read {out / CONFIG} ({error}); start again with a new --out") from error
    before = {**json.loads(TrainingConfig().to_json()), **before}  # a setting it did not know yet had its default
    now = json.loads(config.to_json())
    same = json.loads(anywhere(config).to_json())  # version 0.1 wrote paths as they were given
    for name in now.keys() - {"resume", "out", "logging_steps", "report_to", "keep_checkpoints"}:
        if before[name] not in (same[name], now[name]):
            raise ConfigError(
                f"the run in {out} was started with {name} {before[name]!r}, not {now[name]!r}; resume it with the "
                "same settings, or start another with a new --out"
            )


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


def check_run(config: TrainingConfig, groups: Sequence[Group], mixed: Sequence[Group], evaluated: bool) -> Head:
    """The head that a run would train; nothing is loaded, and settings that do not go together are refused."""
    objective = objective_of(config)
    head = _head(config, groups, objective)
    _check_data(objective, groups)
    if mixed:
        _check_data(objective, mixed)
    _check_weights(config, head)
    check_reporters(config.report_to)
    _arguments(config, evaluated)
    return head


def _check_data(objective: Objective, groups: Sequence[Group]) -> None:
    objective.check_data(
        sum(len(group.comparisons) for group in groups),
        sum(not isinstance(rating.label, str) for group in groups for rating in group.ratings),
    )


def objective_of(config: TrainingConfig) -> Objective:
    """The objective as configured, or else the head's own."""
    name = config.objective or default_objective(make_head(config.head).name).name
    return make_objective(name, **config.objective_settings)


def _head(config: TrainingConfig, groups: Sequence[Group], objective: Objective) -> Head:
    """The head as configured; one that is made for labels takes those of the data unless told."""
    settings = config.head_settings
    head = make_head(config.head, **settings)
    objective.check(head)
    if head.from_data and head.from_data not in settings:
        labels = labels_of(groups)
        if objective.uses == "ratings" and len(labels) > _MOST_LABELS:
            raise ConfigError(
                f"the ratings have {len(labels)} different labels, such as {labels[0]:g} and {labels[1]:g}; bin them, "
                f"or name the labels with head_settings.{head.from_data}"
            )
        if objective.uses == "ratings" and len(labels) >= 2:
            return make_head(config.head, **{**settings, head.from_data: labels})
    return head


def _persons(head: Head, objective: Objective, groups: Sequence[Group], report: Report) -> tuple[str, ...]:
    """Whose tastes are learned: all who compared responses, for heads that tell persons apart."""
    if not head.tastes:
        return ()
    if objective.uses != "comparisons":
        raise ConfigError(f"the {objective.name} objective reads ratings, of which a {head.name} head has one for all")
    names = persons_of(groups)
    if not names:
        raise ConfigError(
            f"a {head.name} head tells persons apart, and no comparison of the data names its annotator; name them, or "
            f"train a {plain_head().name} head"
        )
    alike = spelt_alike(names)
    if alike:
        example = " and ".join(repr(name) for name in next(iter(alike.values())))
        report.line(
            f"{len(alike):,} names of annotators are spelt in several ways, such as {example}: each spelling is taken "
            "for another person; write one name one way"
        )
    return names


def backbone_settings(config: TrainingConfig) -> BackboneSettings:
    """How the model of a run is loaded."""
    return BackboneSettings(
        dtype=config.dtype,
        attention=config.attention,
        quantization=config.quantization,
        trust_remote_code=config.trust_remote_code,
        state_token=config.state_token,
        dropout=config.dropout,
    )


def _check_weights(config: TrainingConfig, head: Head) -> None:
    """Refuse what cannot be trained."""
    if config.lora and config.frozen:
        raise ConfigError("frozen trains the last layer alone and lora the backbone too; leave one of them out")
    if config.quantization and not (config.lora or config.frozen):
        raise ConfigError("quantised weights cannot be trained themselves; add lora, or frozen")
    if config.dtype == "float16" and not (config.lora or config.frozen):
        raise ConfigError(
            "weights in float16 lose small updates; train with dtype float32 and precision float16, or dtype bfloat16"
        )
    if config.imitation and config.frozen:
        raise ConfigError("frozen trains the last layer alone and imitation the backbone; leave one of them out")
    if config.imitation and head.joint:
        raise ConfigError(
            f"imitation is of single responses, and a {head.name} head reads two together; set imitation to 0, or "
            "train one of the other heads"
        )


def build_model(config: TrainingConfig, head: Head, language_model: str | None = None) -> PreferenceModel:
    """A new model on the backbone; a model of ours with the same head goes on from its own state layer.

    `language_model` is the checkpoint whose language-modelling head imitation uses, if not that of the backbone.
    """
    _check_weights(config, head)
    settings, lora = backbone_settings(config), None
    if config.lora:
        lora = Lora(config.lora.rank, config.lora.alpha, config.lora.targets or "all-linear")
    model = PreferenceModel.from_backbone(
        config.backbone, head, max_length=config.max_length, seed=config.seed, backbone=settings, lora=lora
    )
    if config.gradient_checkpointing:
        model.encoder.classifier.activation_checkpointing_enable()
    if config.imitation:
        model.encoder.language_head = language_head(
            model.encoder.classifier, language_model or config.backbone, settings
        )
    return model


def _arguments(config: TrainingConfig, evaluated: bool) -> TrainingArguments:
    """The run in the words of transformers."""
    if (config.best_metric or config.patience) and not evaluated:
        raise ConfigError("best_metric and patience need evaluation data; name some, or set eval_share")
    if config.patience and not config.best_metric:
        raise ConfigError("patience needs to know which metric should get better; set best_metric, such as accuracy")
    if config.best_metric and config.best_metric not in METRICS:
        raise ConfigError(unknown("best_metric", config.best_metric, METRICS))
    strategies: dict[str, Any] = {
        "save_strategy": "steps" if config.save_steps else "epoch",
        "save_steps": config.save_steps or 500,
        "eval_strategy": ("steps" if config.eval_steps else "epoch") if evaluated else "no",
        "eval_steps": config.eval_steps,
    }
    if config.best_metric:
        strategies |= {
            "load_best_model_at_end": True,
            "metric_for_best_model": config.best_metric,
            "greater_is_better": config.best_metric != "loss" and BY_NAME[config.best_metric].better == "more",
        }
    settings = {
        "output_dir": config.out,
        "num_train_epochs": config.epochs,
        "max_steps": config.max_steps,
        "per_device_train_batch_size": config.batch_size,
        "gradient_accumulation_steps": config.accumulation,
        "learning_rate": config.rate,
        "weight_decay": config.weight_decay,
        "warmup_steps": config.warmup,  # below 1, a share of the steps
        "lr_scheduler_type": config.schedule,
        "max_grad_norm": config.max_grad_norm,
        "bf16": config.precision == "bfloat16",
        "fp16": config.precision == "float16",
        "seed": config.seed,
        "logging_steps": config.logging_steps,
        "logging_first_step": True,
        "logging_nan_inf_filter": False,  # a loss that is no number ends the run
        "restore_callback_states_from_checkpoint": True,  # how long patience has lasted, and how long the run
        "report_to": list(config.report_to) or "none",
        "disable_tqdm": True,
        "remove_unused_columns": False,
        "dataloader_pin_memory": False,
        "use_cpu": not torch.accelerator.is_available(),  # unless told, several processes would not join on CPUs
        **strategies,
        **config.trainer,
    }
    try:
        arguments = TrainingArguments(**settings)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"transformers refuses these settings: {' '.join(str(error).split())}") from error
    arguments._n_gpu = min(arguments.n_gpu, 1)  # one GPU a process; without this, DataParallel would split our packs
    return arguments
