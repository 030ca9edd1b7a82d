"""The files of a saved model: an ordinary checkpoint, its tokenizer, our block, and what the head adds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from polypref.models.backbones import quiet_loading, with_dropout
from polypref.models.block import BLOCK
from polypref.models.extra import save_extra
from polypref.models.lora import merged
from polypref.models.older import add_older_words

if TYPE_CHECKING:
    from polypref.models.preference_model import PreferenceModel

CLASSIFIER, ADDED = "classifier.", "extra."  # what the names of an encoder's weights begin with


def write_checkpoint_files(
    model: PreferenceModel, folder: Path, training: dict[str, Any] | None, weights: dict[str, Tensor] | None
) -> None:
    """Write them into a folder; `weights` stand in for those of the encoder."""
    classifier = merged(model.encoder.classifier)
    own, added = (_part(weights, CLASSIFIER), _part(weights, ADDED)) if weights is not None else (None, None)
    record = model.record if training is None else training
    setattr(classifier.config, BLOCK, {**model.block(), **({"training": record} if record else {})})
    with quiet_loading(), with_dropout(classifier.config, model.dropout_rates):  # also those it is used without
        classifier.save_pretrained(folder, state_dict=own)
    model.inputs.tokenizer.save_pretrained(folder)
    add_older_words(folder, model.encoder.segments)
    save_extra(model.encoder, folder, added)


def _part(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}
