"""How a trainer saves and goes on: checkpoints that are whole or not there, and ordinary models in the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor, nn
from transformers import Trainer

from polypref.models.preference_model import PreferenceModel
from polypref.training.checkpoints import (
    check_state,
    drop_old,
    mark_complete,
    read_weights,
    undamaged,
    write_checkpoint,
    writing,
)


class SavingTrainer(Trainer):
    """transformers' Trainer, whose checkpoints hold the weights of a preference model's encoder, or of its state layer.

    A trainer that builds on it sets the three attributes before anything is saved.
    """

    preference_model: PreferenceModel
    module: nn.Module  # what is trained, before anything is wrapped around it
    keep_checkpoints: int

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write the weights of a checkpoint, whichever processes hold them."""
        weights = self._gathered_weights() or self.module.state_dict()
        if self.args.should_save:
            write_checkpoint(Path(output_dir or str(self.args.output_dir)), self.preference_model, self.module, weights)

    def save_final(self, out: Path, record: dict[str, Any]) -> None:
        """Save the trained model, whichever processes hold its weights."""
        weights = self._gathered_weights()
        if weights is None:  # autocast was wrapped around the forward pass
            self.accelerator.unwrap_model(self.model, keep_fp32_wrapper=False)
        if self.args.should_save:
            self.preference_model.save_pretrained(out, record, weights)
        self.preference_model.record = record

    def _gathered_weights(self) -> dict[str, Tensor] | None:
        """All weights, where they are spread over processes: on the first of them, empty on the others."""
        if not self.is_fsdp_enabled and not self.is_deepspeed_enabled:
            return None
        weights: dict[str, Tensor] = self.accelerator.get_state_dict(self.model_wrapped)
        return weights

    def _save_checkpoint(self, model: nn.Module, trial: object) -> None:
        """As transformers does, but an old checkpoint goes only when the new one is complete on every process."""
        out = Path(str(self.args.output_dir))
        folder = out / f"checkpoint-{self.state.global_step}"
        with writing(folder, self.args.should_save):
            super()._save_checkpoint(model, trial)
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            mark_complete(folder)
            best = self.state.best_model_checkpoint
            drop_old(out, self.keep_checkpoints, Path(best) if best else None)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        if self.is_fsdp_enabled:
            super()._load_from_checkpoint(resume_from_checkpoint, model)
        else:
            check_state(Path(resume_from_checkpoint))
            read_weights(Path(resume_from_checkpoint), self.module)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        with undamaged(Path(str(checkpoint))):
            super()._load_optimizer_and_scheduler(checkpoint)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        with undamaged(Path(str(checkpoint))):
            super()._load_rng_state(checkpoint)

    def _load_best_model(self) -> None:
        if self.is_fsdp_enabled:
            super()._load_best_model()
        else:
            read_weights(Path(str(self.state.best_model_checkpoint)), self.module)
