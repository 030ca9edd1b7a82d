"""The file of what a head adds to its encoder: its tensors lie beside those of the classifier."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from polypref.models.backbones import plain_errors
from polypref.models.embedded import BackboneError
from polypref.models.encoder import StateEncoder
from polypref.models.heads import Head

EXTRA = "polypref.safetensors"


def save_extra(encoder: StateEncoder, folder: Path, tensors: dict[str, Tensor] | None = None) -> None:
    """Write what the head adds to an encoder, if anything; `tensors` stand in for those of the encoder."""
    from safetensors.torch import save_file

    if encoder.extra is not None:
        tensors = encoder.extra.state_dict() if tensors is None else tensors
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / EXTRA)


def load_extra(encoder: StateEncoder, head: Head, name: str, revision: str | None) -> None:
    """Fill what the head adds to an encoder, if anything, with its weights."""
    from safetensors.torch import load_file
    from transformers.utils.hub import cached_file

    if encoder.extra is None:
        return
    with plain_errors(name):
        path = str(cached_file(name, EXTRA, revision=revision))
    with plain_errors(path):
        tensors = load_file(path)
    expected = {key: tensor.shape for key, tensor in encoder.extra.state_dict().items()}
    if {key: tensor.shape for key, tensor in tensors.items()} != expected:
        raise BackboneError(f"{path} does not hold {head.added}, or not that of its model")
    encoder.extra.load_state_dict(tensors)
