"""Once imported, FSDP works on CPU processes, too, which PyTorch can do and accelerate only does on accelerators."""

from __future__ import annotations

from accelerate import PartialState
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
from transformers import Trainer

_create = Trainer.create_accelerator_and_postprocess


def _create_spreading(trainer: Trainer) -> None:
    _create(trainer)
    assert trainer.accelerator.distributed_type == DistributedType.MULTI_CPU
    plugin = FullyShardedDataParallelPlugin(**trainer.args.fsdp_plugin_args)
    for state in (trainer.accelerator.state, PartialState()):
        state.distributed_type = DistributedType.FSDP
    trainer.accelerator.state.fsdp_plugin = plugin
    trainer.is_fsdp_enabled = True


Trainer.create_accelerator_and_postprocess = _create_spreading  # type: ignore[method-assign]
