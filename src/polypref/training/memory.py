"""How many tokens a forward pass may have, so that what its gradients need fits a modest memory."""

from __future__ import annotations

import torch

from polypref.models.encoder import StateEncoder

_CPU_BYTES = 2 << 30
_GPU_SHARE = 0.25  # of the memory that is free; weights, gradients and optimiser take the rest
_LEAST = 256


def affordable_tokens(encoder: StateEncoder) -> int:
    """Tokens per pass whose activations take about 2 GiB, or a quarter of the free memory of a GPU.

    A layer keeps about 18 vectors of the hidden and 5 of the intermediate size per token; with gradient checkpointing
    one of the hidden size, and all of them in one layer at a time.
    """
    config = encoder.classifier.config.get_text_config().to_dict()
    hidden = int(config["hidden_size"])
    layers = int(config.get("num_hidden_layers", 12))
    inner = int(config.get("intermediate_size") or 4 * hidden)
    layer = 18 * hidden + 5 * inner
    checkpointed = any(part.gradient_checkpointing for part in _layers(encoder))
    numbers = layers * hidden + layer if checkpointed else layers * layer
    on_gpu = encoder.device.type == "cuda"
    room = torch.cuda.mem_get_info(encoder.device)[0] * _GPU_SHARE if on_gpu else _CPU_BYTES
    return max(int(room / (4 * numbers)), _LEAST)


def _layers(encoder: StateEncoder) -> list[torch.nn.Module]:
    from transformers.modeling_layers import GradientCheckpointingLayer

    return [part for part in encoder.modules() if isinstance(part, GradientCheckpointingLayer)]
