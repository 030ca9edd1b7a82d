"""What a checkpoint says of polypref in its `config.json`, read strictly: a stranger may have written it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError

from polypref.errors import PolyprefError
from polypref.models.adapters import names_adapter
from polypref.models.backbones import BackboneSettings, load_config
from polypref.models.embedded import BackboneError, hub_id
from polypref.models.folders import LAST, is_unfinished
from polypref.models.heads import Head, all_heads, make_head, plain_head

BLOCK = "polypref"  # the key of our block in config.json
VERSION = 1
_LONGEST = 10**9  # tokens; a length beyond it says nothing
_LONGEST_NAME = 200  # characters of an id on the hub


class Block(BaseModel):
    """Our block, as far as a model is made of it; the record of its training is not read."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    head: str
    settings: dict[str, Any]
    max_length: int | None = Field(default=None, ge=1, le=_LONGEST)
    training_opinion: list[FiniteFloat] = []  # mean opinion over the labels; empty in older checkpoints
    temperature: FiniteFloat = Field(default=1.0, gt=0)  # log-odds are divided by it; 1 in older checkpoints
    base: str | None = Field(default=None, max_length=_LONGEST_NAME)  # the backbone's id on the hub, if known
    state_token: Literal["last", "before_padding"] | None = None  # of a decoder; none in older checkpoints

    def loading(self, asked: BackboneSettings) -> BackboneSettings:
        """How the model is loaded: read off the token that it was saved with, unless another is asked for."""
        if self.state_token is None or asked.state_token != "checkpoint":
            return asked
        return replace(asked, state_token=self.state_token)


def block_of(config: Any, name: str) -> Block:
    """The block of a configuration; a plain reward model has none."""
    block = config.to_dict().get(BLOCK)
    if block is not None:
        if is_unfinished(Path(name)):
            raise BackboneError(f"{name!r} is a checkpoint that was not written to its end: use an earlier one")
        if not isinstance(block, dict):
            raise _unreadable(name, "it is no mapping")
        version = block.get("version")
        if type(version) is not int or version != VERSION:
            raise BackboneError(f"{name!r} was saved by a newer polypref (version {version!r:.40}); update polypref")
        try:
            return Block.model_validate(block)
        except ValidationError as error:
            raise _unreadable(name, _first(error)) from error
    if config.num_labels == 1:
        return plain_block()
    raise BackboneError(
        f"{name!r} is no preference model: it has no polypref block in config.json and {config.num_labels} labels, "
        "where a plain reward model has 1; train one with polypref train --backbone"
    )


def plain_block() -> Block:
    """What the block of anybody's reward model would say."""
    return Block(head=plain_head().name, settings={})


def head_of_block(block: Block, name: str, logits: int) -> Head:
    """The head that such a block names."""
    try:
        head = make_head(block.head, **block.settings)
        # as JSON, in which a list stands for a tuple; 4.0 is no whole number all the same
        TypeAdapter(all_heads()[block.head]).validate_json(json.dumps(block.settings), strict=True)
    except ValidationError as error:
        raise _unreadable(name, _first(error)) from error
    except (TypeError, ValueError, OverflowError, PolyprefError) as error:  # those of a head that checks its settings
        raise _unreadable(name, str(error)) from error
    if head.width != logits:
        raise BackboneError(f"{name!r} has {logits} logits, where its {head.name} head reads {head.width}")
    if block.training_opinion and (head.labels is None or len(head.labels) != len(block.training_opinion)):
        raise _unreadable(name, "training_opinion does not have one number for each label")
    return head


def is_model_of(head: Head, config: Any, name: str) -> bool:
    """Whether a checkpoint is a preference model of just this head, or a plain reward model for a plain one."""
    if BLOCK not in config.to_dict():
        return config.num_labels == 1 and head.plain
    return head_of_block(block_of(config, name), name, config.num_labels) == head


def base_named(config: Any, name: str) -> str | None:
    """The id on the hub of the backbone that a checkpoint was made of, or that it is itself; None if not known."""
    return block_of(config, name).base if BLOCK in config.to_dict() else hub_id(name)


def names_own_adapter(name: str, settings: BackboneSettings) -> bool:
    """Whether a folder holds an adapter of ours, with the head and the classification layer that belong to it."""
    return names_adapter(name) and (Path(name) / LAST).exists() and BLOCK in load_config(name, settings).to_dict()


def _unreadable(name: str, reason: str) -> BackboneError:
    return BackboneError(f"{name!r} has a {BLOCK} block in config.json that cannot be read: {reason[:200]}")


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
