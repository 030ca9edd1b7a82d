"""Whether a classifier reads as we do, by its own forward otherwise: tried on a small example when a model is made."""

from __future__ import annotations

import logging

import numpy as np
import torch
from torch import Tensor

from polypref.errors import PolyprefError
from polypref.groups.model import Group
from polypref.models.embedded import BackboneError
from polypref.models.encoder import StateEncoder
from polypref.models.inputs import Input, InputFormat
from polypref.models.packing import Pack, pack_rows

_EXAMPLE = Group("one", ("two", "six", "seven eight nine ten"))
_RAISED = (AttributeError, IndexError, KeyError, TypeError, RuntimeError, ValueError)  # by code that is not ours
_log = logging.getLogger(__name__)


@torch.no_grad()
def check_reading(encoder: StateEncoder, inputs: InputFormat) -> None:
    """Let a decoder be read as its class reads it, and refuse what cannot be read.

    Nearly all decoders make their logits of the last token's hidden state. One that makes them of another is read by
    its own forward. That, or one whose states depend on padding, reads one unpadded input at a time.
    """
    try:
        if encoder.reads_last_token:
            _check_decoder(encoder, _texts(inputs))
        else:
            _check_classifier(encoder, inputs)
    except (PolyprefError, torch.OutOfMemoryError):
        raise
    except _RAISED as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        model = type(encoder.classifier).__name__
        raise BackboneError(f"{model} cannot read a short text: {said}; take another backbone") from error


def _check_decoder(encoder: StateEncoder, texts: list[Input]) -> None:
    """Compare the states with the logits of the classifier's own forward, of one unpadded input at a time."""
    model = type(encoder.classifier).__name__
    own = torch.cat([encoder.classified(_padded(encoder, [item])) for item in texts])
    if not _agrees(encoder, [[item] for item in texts], own):
        if encoder.extra is not None:
            raise BackboneError(
                f"{model} makes its logits of something else than the last token's hidden state, which "
                f"{encoder.added} needs; leave that out"
            )
        _log.warning("%s makes its logits in a way of its own: inputs are read one at a time, which is slower", model)
        encoder.reads_last_token, encoder.reads_alone = False, True
    elif not _agrees(encoder, [texts], own):
        _log.warning("the states of %s depend on padding: inputs are read one at a time, which is slower", model)
        encoder.reads_alone = True


def _texts(inputs: InputFormat) -> list[Input]:
    """Inputs that do without a chat template, which may refuse any conversation; two end as a conversation may."""
    ends = [token for token in (inputs.tokenizer.eos_token_id, inputs.tokenizer.pad_token_id) if token is not None]
    whole = inputs.tokenizer("one two six seven", add_special_tokens=False, verbose=False)["input_ids"]
    known = [whole, whole[: len(whole) // 2], *([*whole, token] for token in ends)]
    return [Input(np.array(ids[-inputs.max_length :], dtype=np.int32), 1, 0) for ids in known if ids]


def _agrees(encoder: StateEncoder, batches: list[list[Input]], own: Tensor) -> bool:
    """Whether the states that we read off batches of inputs are the classifier's logits."""
    try:
        ours = torch.cat([encoder(_padded(encoder, items)) for items in batches])
    except torch.OutOfMemoryError:
        raise
    except _RAISED as error:
        _log.warning("%s: only its own forward reads it: %s", type(encoder.classifier).__name__, error)
        return False
    return _near(ours[:, : own.shape[1]], own, encoder)


def _check_classifier(encoder: StateEncoder, inputs: InputFormat) -> None:
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
    beside, alone = (encoder.classified(_padded(encoder, items))[:1] for items in ([first, longer], [first]))
    if not _near(beside, alone, encoder):
        raise BackboneError(
            f"{model} gives a text another state if it stands beside a longer one, for it reads the padding; "
            "take another backbone"
        )


def _opening(encoder: StateEncoder, item: Input) -> Tensor:
    """The last hidden state of the first token."""
    ids = _padded(encoder, [item]).input_ids
    return encoder.classifier.base_model(input_ids=ids).last_hidden_state[0, 0]


def _padded(encoder: StateEncoder, items: list[Input]) -> Pack:
    return pack_rows(items, range(len(items)), encoder.pad, encoder.segments, encoder.device)


def _near(found: Tensor, expected: Tensor, encoder: StateEncoder) -> bool:
    tolerance = 1e-3 if encoder.classifier.dtype == torch.float32 else 0.1
    found, expected = found.float(), expected.float()
    return bool((found - expected).abs().max() <= tolerance * expected.abs().max())
