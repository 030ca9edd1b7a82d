"""What a backbone can read: how many tokens, and whether it tells two segments apart."""

from __future__ import annotations

from typing import Any

_ENDLESS = 10**9  # from here on a tokenizer's limit says that it knows of none
_ROBERTAS = frozenset(  # architectures that count positions from behind the padding token
    "camembert data2vec-text esm ibert layoutlmv3 lilt longformer luke markuplm mpnet roberta roberta-prelayernorm "
    "xlm-roberta xlm-roberta-xl xmod".split()
)


def knows_segments(classifier: Any) -> bool:
    """Whether a backbone tells its two segments apart; some tokenizers number segments that theirs does not."""
    return classifier.config.to_dict().get("type_vocab_size", 0) > 1


def longest_input(classifier: Any, tokenizer: Any) -> int | None:
    """How many tokens the backbone can read; None if neither configuration nor tokenizer says."""
    config = classifier.config.get_text_config()
    known_as = config.attribute_map.get("max_position_embeddings", "max_position_embeddings")
    positions = config.to_dict().get(known_as)
    if positions is not None and config.model_type in _ROBERTAS:
        positions -= tokenizer.pad_token_id + 1
    rope = config.to_dict().get("rope_parameters") or {}
    if rope.get("rope_type") == "longrope":  # beyond it, states would depend on the lengths of the other inputs
        positions = rope["original_max_position_embeddings"]
    limits = [limit for limit in (positions, tokenizer.model_max_length) if limit is not None and 0 < limit < _ENDLESS]
    return min(limits, default=None)
