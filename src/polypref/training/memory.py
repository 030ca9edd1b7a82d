"""How many tokens a forward pass may have, so that what its gradients need fits a modest memory."""

from __future__ import annotations

import ctypes
import platform

import torch

from polypref.models.encoder import StateEncoder

_CPU_BYTES = 2 << 30
_GPU_SHARE = 0.25  # of the memory that is free; weights, gradients and optimiser take the rest
_LEAST = 256
_CPU_MOST = 1024  # more make a CPU no faster, and padding longer
_GPU_MOST = 65536
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h


def affordable_tokens(encoder: StateEncoder) -> int:
    """Tokens per pass whose activations take at most about 2 GiB, or a quarter of the free memory of a GPU.

    A layer keeps about 18 vectors of the hidden and 5 of the intermediate size per token; with gradient checkpointing
    one of the hidden size, and all of them in one layer at a time.
    """
    config = encoder.classifier.config.get_text_config()
    hidden, layers = int(config.hidden_size), int(config.num_hidden_layers)
    inner = int(config.to_dict().get("intermediate_size") or 4 * hidden)
    layer = 18 * hidden + 5 * inner
    checkpointed = any(part.gradient_checkpointing for part in _layers(encoder))
    numbers = layers * hidden + layer if checkpointed else layers * layer
    if encoder.device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(encoder.device)
        return min(max(int(free * _GPU_SHARE / (4 * numbers)), _LEAST), _GPU_MOST)
    return min(max(int(_CPU_BYTES / (4 * numbers)), _LEAST), _CPU_MOST)


def keep_freed_memory() -> None:
    """Tell the C library to keep what torch frees on the CPU for its next tensor.

    Without this, glibc hands every large tensor back to the system, which clears its pages before the next pass gets
    them again: a fifth of the time of training a small model. Other C libraries have no such switch and are left alone.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)


def _layers(encoder: StateEncoder) -> list[torch.nn.Module]:
    from transformers.modeling_layers import GradientCheckpointingLayer

    return [part for part in encoder.modules() if isinstance(part, GradientCheckpointingLayer)]
