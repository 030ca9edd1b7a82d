"""Whether a decoder may share its prompts: asked of the architecture, then tried on a small example."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch
from torch import Tensor

from polypref.models.attention import FLEX, LOOP, UnsupportedAttention
from polypref.models.backbones import TREES, BackboneSettings
from polypref.models.inputs import Input
from polypref.models.pack_reader import PackReader
from polypref.models.packing import pack_rows, pack_trees, trees_of

_log = logging.getLogger(__name__)


def share_prompts(reader: PackReader, settings: BackboneSettings) -> None:
    """Switch the model to tree attention if that gives what one sequence at a time does.

    It does not for architectures that carry something other than attention from token to token, or that build their
    attention otherwise; these compute every input by itself. In half precision a linear attention, which decays, can
    look as if it gave the same states, so every layer must have attended to the tree.
    """
    model: Any = reader.model
    if settings.attention not in TREES or not reader.may_share or not model._supports_attention_backend:
        return
    own = model.config._attn_implementation
    flex = settings.attention == "flex_attention" or (settings.attention == "auto" and reader.device.type == "cuda")
    example = [Input(tokens, 4, 0) for tokens in _example(model.config.get_text_config().vocab_size)]
    training = reader.training
    reader.eval()
    expected = torch.cat([_alone(reader, item) for item in example])
    reader.shares_prompts = True
    for way in (FLEX, LOOP) if flex else (LOOP,):
        model.set_attn_implementation(way)
        found = _tried(reader, example, way)
        if found is not None and _close(found, expected, model.dtype):
            break
    else:
        model.set_attn_implementation(own)
        reader.shares_prompts = False
    reader.train(training)


@torch.no_grad()
def _alone(reader: PackReader, item: Input) -> Tensor:
    """What one input gives, unpadded: some models read more than they should beside padding."""
    return reader.trial(pack_rows([item], [0], reader.pad, reader.segments, reader.device)).float()


@torch.no_grad()
def _tried(reader: PackReader, example: list[Input], way: str) -> Tensor | None:
    """What the example gives, or None where this way of attention does not work or is not that of every layer."""
    pack = pack_trees(trees_of(example, range(len(example))), reader.pad, reader.device)
    assert pack.row is not None
    try:
        found = reader.trial(pack).float()
        layers = reader.model.config.get_text_config().num_hidden_layers
        return found if len(pack.row.attended) >= layers else None
    except UnsupportedAttention:
        return None
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError, ImportError) as error:
        # no compiler or Triton, a size of head that has no kernel, or a class that makes something of its mask
        name = type(reader.model).__name__
        _log.warning("%s does not work with the attention %s: %s", name, way, error or type(error).__name__)
        return None


def _example(vocabulary: int) -> list[np.ndarray[Any, np.dtype[np.int32]]]:
    """Three inputs that begin alike, as long as short texts are."""
    rng = np.random.default_rng(0)
    prompt, *branches = (rng.integers(0, vocabulary, size, dtype=np.int32) for size in (20, 9, 40, 25))
    return [np.concatenate([prompt, branch]) for branch in branches]


def _close(a: Tensor, b: Tensor, dtype: torch.dtype) -> bool:
    tolerance = 1e-3 if dtype == torch.float32 else 0.03
    return bool((a - b).abs().max() <= tolerance * b.abs().max())
