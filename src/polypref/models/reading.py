"""Whether a classifier reads as an encoder does: tried on a small example when a model is made."""

from __future__ import annotations

import torch
from torch import Tensor

from polypref.groups.model import Group
from polypref.models.embedded import BackboneError
from polypref.models.encoder import StateEncoder
from polypref.models.inputs import Input, InputFormat
from polypref.models.packing import pack_rows

_EXAMPLE = Group("one", ("two", "six", "seven eight nine ten"))


@torch.no_grad()
def check_reading(encoder: StateEncoder, inputs: InputFormat) -> None:
    """Refuse a decoder whose classification layer is not known as one, and a model that reads padding.

    A decoder's first token does not know what follows it. A model that looks for its logits at the end of a row finds
    padding there, if it stands beside a longer one.
    """
    model = type(encoder.classifier).__name__
    first, second, longer = inputs.sequences(_EXAMPLE)
    comparable = not encoder.classifier.config.is_encoder_decoder and len(first.tokens) == len(second.tokens)
    if comparable and torch.equal(_opening(encoder, first), _opening(encoder, second)):
        raise BackboneError(
            f"{model} reads from left to right, but its classification layer is not the one (score) that decoders of "
            "transformers have; take a backbone whose ForSequenceClassification class has it, or an encoder"
        )
    alone, beside = _features(encoder, [first])[0], _features(encoder, [first, longer])[0]
    tolerance = 1e-3 if encoder.classifier.dtype == torch.float32 else 0.1
    if not (alone - beside).abs().max() <= tolerance * alone.abs().max():
        raise BackboneError(
            f"{model} gives a text another state if it stands beside a longer one, for it reads the padding; "
            "take another backbone"
        )


def _opening(encoder: StateEncoder, item: Input) -> Tensor:
    """The last hidden state of the first token."""
    pack = pack_rows([item], [0], encoder.pad, encoder.segments, encoder.device)
    return encoder.classifier.base_model(input_ids=pack.input_ids).last_hidden_state[0, 0]


def _features(encoder: StateEncoder, items: list[Input]) -> Tensor:
    pack = pack_rows(items, range(len(items)), encoder.pad, encoder.segments, encoder.device)
    return encoder.classified_features(pack).float()
