"""Forward and backward passes of one step, on one process or several."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic

from torch import Tensor, nn
from transformers import Trainer

from polypref.models.packing import PackT


class AcceleratedStepper(Generic[PackT]):
    """Forward and backward as the accelerator wants them; processes wait for each other in the last one only."""

    def __init__(self, trainer: Trainer, model: nn.Module) -> None:
        self.trainer = trainer
        self.model = model

    def states(self, pack: PackT, last: bool) -> Tensor:
        with self._waiting(last), self.trainer.compute_loss_context_manager():
            return self.model(pack)

    def backward(self, states: Tensor, gradient: Tensor, last: bool) -> None:
        accelerator = self.trainer.accelerator
        # the loss is that of the whole step already, which DeepSpeed would divide by the accumulated batches
        settings = {"scale_wrt_gas": False} if self.trainer.is_deepspeed_enabled else {}
        with self._waiting(last):
            accelerator.backward((states.float() * gradient).sum(), **settings)

    @contextmanager
    def _waiting(self, last: bool) -> Iterator[None]:
        accelerator = self.trainer.accelerator
        if last:
            yield
        elif isinstance(self.model, nn.parallel.DistributedDataParallel):
            with accelerator.no_sync(self.model):
                yield
        else:
            state = accelerator.gradient_state
            agreed = state.sync_gradients
            state._set_sync_gradients(False)
            try:
                yield
            finally:
                state._set_sync_gradients(agreed)
