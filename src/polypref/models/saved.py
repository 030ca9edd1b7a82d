"""Saved models in parts: whole ones, adapters of ours on a base model, and other people's adapters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from polypref.models.adapters import load_adapter, load_own_adapter, names_adapter
from polypref.models.backbones import BackboneSettings, load_config, load_trained_classifier
from polypref.models.block import Block, block_of, head_of_block, names_own_adapter, plain_block
from polypref.models.heads import Head


@dataclass(frozen=True, eq=False)
class Saved:
    """What a saved model is made of."""

    classifier: Any
    tokenizer: Any
    head: Head
    block: Block
    config: Any  # of transformers, as it was saved


def load_saved(name: str, settings: BackboneSettings) -> Saved:
    """The parts of a model by folder or id, with adapters merged; a state is read off the token that it was saved with,
    unless the settings ask for another."""
    is_adapter = names_adapter(name)
    if is_adapter and not names_own_adapter(name, settings):
        block = plain_block()
        classifier, tokenizer, config = load_adapter(name, settings)
        return Saved(classifier, tokenizer, head_of_block(block, name, classifier.config.num_labels), block, config)
    config = load_config(name, settings)
    block = block_of(config, name)
    head = head_of_block(block, name, config.num_labels)  # before anything of that many logits is made
    load = load_own_adapter if is_adapter else load_trained_classifier
    classifier, tokenizer = load(name, config.num_labels, block.loading(settings))
    return Saved(classifier, tokenizer, head, block, config)
