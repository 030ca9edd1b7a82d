"""What a saved folder says in older words too, so that tools with transformers from 4.51 on read it alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_TOKENIZER_CLASSES = {"TokenizersBackend": "PreTrainedTokenizerFast"}  # newer name → the one that both know


def add_older_words(folder: Path, reads_segments: bool) -> None:
    """Add them to the configurations of model and tokenizer; newer versions take no notice."""
    _edit(folder / "config.json", _rotary)
    _edit(folder / "tokenizer_config.json", lambda found: _tokenizer(found, reads_segments))


def _rotary(config: dict[str, Any]) -> dict[str, Any]:
    """Rotary embeddings: one mapping today, fields before; a mapping for each kind of layer has no older form."""
    rotary = config.get("rope_parameters")
    if not isinstance(rotary, dict) or "rope_theta" not in rotary:
        return config
    older: dict[str, Any] = {"rope_theta": rotary["rope_theta"]}
    if rotary.get("rope_type", "default") != "default":
        older["rope_scaling"] = {name: value for name, value in rotary.items() if name != "rope_theta"}
    return {**config, **older}


def _tokenizer(config: dict[str, Any], reads_segments: bool) -> dict[str, Any]:
    known = config.get("tokenizer_class")
    config["tokenizer_class"] = _TOKENIZER_CLASSES.get(str(known), known)
    extra = config.pop("extra_special_tokens", None)
    if isinstance(extra, list):  # a mapping where it is older
        config["additional_special_tokens"] = extra
    elif extra is not None:
        config["extra_special_tokens"] = extra
    if not reads_segments:  # which older versions number unless told, and decoders refuse
        config.setdefault("model_input_names", ["input_ids", "attention_mask"])
    return config


def _edit(path: Path, change: Any) -> None:
    if path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(change(found), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
