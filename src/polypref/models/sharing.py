"""Whether a decoder may share its prompts: asked of the architecture, then tried on a small example."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch
from torch import Tensor

from polypref.models.attention import FLEX, LOOP, UnsupportedAttention
from polypref.models.backbones import TREES, BackboneSettings
from polypref.models.encoder import StateEncoder
from polypref.models.inputs import Input
from polypref.models.packing import pack_trees, trees_of

_log = logging.getLogger(__name__)


def share_prompts(encoder: StateEncoder, settings: BackboneSettings) -> None:
    """Switch the encoder to tree attention if that gives the states of one sequence at a time.

    It does not for architectures that carry something other than attention from token to token, or that build their
    attention otherwise; these compute every input by itself. In half precision a linear attention, which decays, can
    look as if it gave the same states, so every layer must have attended to the tree.
    """
    classifier: Any = encoder.classifier
    if settings.attention not in TREES:
        return
    if not encoder.reads_last_token or not classifier._supports_attention_backend:
        return
    own = classifier.config._attn_implementation
    flex = settings.attention == "flex_attention" or (settings.attention == "auto" and encoder.device.type == "cuda")
    example = [Input(tokens, 4, 0) for tokens in _example(classifier.config.get_text_config().vocab_size)]
    training = encoder.training
    encoder.eval()
    expected = encoder.states([example], budget=1)[0]  # unpadded: some read more than they should beside padding
    encoder.shares_prompts = True
    for way in (FLEX, LOOP) if flex else (LOOP,):
        classifier.set_attn_implementation(way)
        found = _tried(encoder, example, way)
        if found is not None and _close(found, expected, classifier.dtype):
            break
    else:
        classifier.set_attn_implementation(own)
        encoder.shares_prompts = False
    encoder.train(training)


@torch.no_grad()
def _tried(encoder: StateEncoder, example: list[Input], way: str) -> Tensor | None:
    """States of the example, or None where this way of attention does not work or is not that of every layer."""
    pack = pack_trees(trees_of(example, range(len(example))), encoder.pad, encoder.device)
    assert pack.row is not None
    try:
        states = encoder(pack).float()
        layers = encoder.classifier.config.get_text_config().num_hidden_layers
        return states if len(pack.row.attended) >= layers else None
    except UnsupportedAttention:
        return None
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError, ImportError) as error:
        # no compiler or Triton, a size of head that has no kernel, or a class that makes something of its mask
        model = type(encoder.classifier).__name__
        _log.warning("%s does not work with the attention %s: %s", model, way, error or type(error).__name__)
        return None


def _example(vocabulary: int) -> list[np.ndarray[Any, np.dtype[np.int32]]]:
    """Three inputs that begin alike, as long as short texts are."""
    rng = np.random.default_rng(0)
    prompt, *branches = (rng.integers(0, vocabulary, size, dtype=np.int32) for size in (20, 9, 40, 25))
    return [np.concatenate([prompt, branch]) for branch in branches]


def _close(a: Tensor, b: Tensor, dtype: torch.dtype) -> bool:
    tolerance = 1e-3 if dtype == torch.float32 else 0.03
    return bool((a - b).abs().max() <= tolerance * b.abs().max())
