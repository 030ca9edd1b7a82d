"""Supervised fine-tuning of a language model on the best responses, with TRL's SFTTrainer."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import PrinterCallback, TrainerCallback

from polypref.errors import PolyprefError
from polypref.groups.deriving import best_response
from polypref.groups.model import Group
from polypref.models.backbones import BackboneSettings
from polypref.models.bars import bars_on_terminals
from polypref.models.causal import chat_inputs, load_language_model
from polypref.models.folders import staged_folder
from polypref.models.inputs import InputFormat
from polypref.training.checkpoints import drop_unfinished, last_complete, mark_complete
from polypref.training.config import ConfigError, InstructionConfig
from polypref.training.progress import Report, StepReporter

_IGNORED = -100  # the label of tokens that are not learned


def tune(
    settings: InstructionConfig,
    backbone: str,
    groups: Sequence[Group],
    out: Path,
    seed: int,
    report: Report,
    loading: BackboneSettings,
) -> None:
    """Train a causal language model on the best response of each group and save it in `out`.

    What is read is rendered as in stages 2 and 3; of a prompt nothing is learned. All weights are trained, and those of
    stages in float16 in single precision, for half of it loses small updates.
    """
    try:
        from datasets import Dataset
        from trl.trainer.sft_config import SFTConfig
        from trl.trainer.sft_trainer import SFTTrainer
    except ImportError:
        raise PolyprefError(
            "fine-tuning on best responses needs TRL: pip install trl, or leave instruction (of customize) or sft (of "
            "align) out"
        ) from None
    loading = BackboneSettings(
        dtype="bfloat16" if loading.dtype == "bfloat16" else "float32",
        trust_remote_code=loading.trust_remote_code,
        dropout=True,  # as the language model was trained
    )
    model, tokenizer = load_language_model(backbone, loading, "instruction")
    rows = answers(groups, chat_inputs(model, tokenizer, settings.max_length))
    if not rows:
        raise ConfigError(
            "the data to fine-tune on hold no group whose best response is known; give comparisons or ratings"
        )
    report.line(f"fine-tuning on {len(rows):,} best responses")
    run = out / "run"
    drop_unfinished(run)
    checkpoint = last_complete(run)
    arguments = {
        "output_dir": str(run),
        "num_train_epochs": settings.epochs,
        "max_steps": settings.max_steps,
        "per_device_train_batch_size": settings.batch_size,
        "learning_rate": settings.learning_rate,
        "seed": seed,
        "max_length": None,  # cut already
        "bf16": False,
        "activation_checkpointing": False,
        "save_strategy": "steps" if settings.save_steps else "epoch",
        "save_steps": settings.save_steps or 500,
        "save_total_limit": 1,
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": not torch.accelerator.is_available(),
        "dataloader_pin_memory": False,
        **settings.trainer,
    }
    try:
        made = SFTConfig(**arguments)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"TRL refuses the settings of instruction: {' '.join(str(error).split())}") from error
    trainer = SFTTrainer(
        model,
        made,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=[StepReporter(report), Completer()],
    )
    trainer.remove_callback(PrinterCallback)
    with bars_on_terminals():
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    with staged_folder(out) as folder, bars_on_terminals():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    shutil.rmtree(run, ignore_errors=True)


def answers(groups: Sequence[Group], inputs: InputFormat) -> list[dict[str, list[int]]]:
    """The tokens of each group's prompt and best response, and the labels: those of the response."""
    rows = []
    for group in groups:
        best = best_response(group)
        if best is None:
            continue
        (item,) = inputs.sequences(Group(group.prompt, (group.responses[best],), id=group.id))
        tokens = item.tokens.tolist()
        rows.append({"input_ids": tokens, "labels": [_IGNORED] * item.boundary + tokens[item.boundary :]})
    return rows


class Completer(TrainerCallback):
    """Says of a checkpoint that it was written to its end."""

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            mark_complete(Path(args.output_dir) / f"checkpoint-{state.global_step}")
