"""Classifier, tokenizer and head put together: an encoder that is checked, and the format of what it reads."""

from __future__ import annotations

from typing import Any

import torch

from polypref.models.backbones import BackboneSettings, move_to
from polypref.models.encoder import StateEncoder
from polypref.models.heads import Head
from polypref.models.inputs import InputFormat, Layout, input_format
from polypref.models.limits import knows_segments, longest_input
from polypref.models.reading import check_reading
from polypref.models.sharing import share_prompts

DEFAULT_MAX_LENGTH = 1024


def assembled(
    classifier: Any,
    tokenizer: Any,
    head: Head,
    max_length: int | None,
    settings: BackboneSettings,
    device: str | None,
) -> tuple[StateEncoder, InputFormat]:
    """The encoder on its device, and its inputs, cut at `max_length` tokens or where the backbone ends."""
    if settings.quantization is None:
        move_to(classifier, device or ("cuda" if torch.cuda.is_available() else "cpu"))
    segments = "token_type_ids" in tokenizer.model_input_names and knows_segments(classifier)
    encoder = StateEncoder(classifier, head, classifier.config.get_text_config().pad_token_id, segments)
    encoder.eval()
    layout: Layout = "chat" if encoder.reads_last_token else "segments"
    limits = [limit for limit in (max_length, longest_input(classifier, tokenizer)) if limit is not None]
    limit = min(limits, default=DEFAULT_MAX_LENGTH)
    rows = classifier.get_input_embeddings().weight.shape[0]
    inputs = input_format(tokenizer, layout, limit, rows)
    check_reading(encoder, inputs)
    share_prompts(encoder, settings)
    return encoder, inputs
