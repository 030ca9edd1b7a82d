"""A run's configuration in the words of transformers."""

from __future__ import annotations

from typing import Any

import torch
from transformers import TrainingArguments

from polypref.errors import unknown
from polypref.evaluation.catalogue import BY_NAME, WATCHED
from polypref.training.config import ConfigError, TrainingConfig

METRICS = ("loss", *(metric.name for metric in WATCHED))  # of held-out groups


def training_arguments(config: TrainingConfig, evaluated: bool) -> TrainingArguments:
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
