"""What is looked at in a model's folder before any library opens it, for a stranger may have made it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from polypref.models.embedded import BackboneError

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
CONFIG = "config.json"
MOST_PARTS = 100_000  # layers, experts, heads or labels; Doge has 16,384 experts, and no published model as many
_PARTS = re.compile(r"(^|_)(labels|layers?|heads|experts)$")
_AT_LEAST_ONE = ("num_hidden_layers", "n_layer", "n_layers")
_DEEPEST = 50  # mappings and lists in each other
MOST_PER_BYTE = 4  # weights in a byte of their files; two are in one where they are kept in 4 bits
SLACK = 2**24  # weights that need not be in the files: a new classification layer
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")  # what torch.save writes: opening such a file may run code


def check_weights(place: str) -> None:
    """Refuse a folder whose weights are pickled, or whose index of weights names files that lie elsewhere.

    What is no folder is an id, of which transformers is told to take safetensors alone.
    """
    folder = Path(place)
    if not folder.is_dir():
        return
    if (folder / INDEX).exists():
        for shard in _shards(folder):
            if Path(shard).name != shard or not shard.endswith(".safetensors"):
                raise BackboneError(
                    f"{INDEX} in {place!r} names {shard[:100]!r}, which is no plain name of a safetensors file in that "
                    "folder; download the model again"
                )
            if not (folder / shard).is_file():
                raise BackboneError(f"the folder {place!r} lacks {shard[:100]!r}, which its {INDEX} names")
    elif not (folder / WEIGHTS).exists():
        pickled = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLED)
        if pickled:
            raise BackboneError(
                f"the weights of {place!r} are pickled ({pickled[0][:100]}), and opening a pickle may run code, so "
                "it is not opened; get the model as safetensors, or convert it where you trust it"
            )
        if (folder / CONFIG).exists():
            raise BackboneError(f"the folder {place!r} is no whole model: it lacks its weights ({WEIGHTS})")


def _shards(folder: Path) -> set[str]:
    index = read_json(folder / INDEX)
    files = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(files, dict) or not files or not all(isinstance(name, str) for name in files.values()):
        raise BackboneError(f"{INDEX} in {str(folder)!r} does not say which file holds which weights")
    return set(files.values())


def read_json(path: Path) -> Any:
    """A JSON file of a stranger."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise BackboneError(f"{str(path)!r} is nested too deeply to be read; no model needs that") from error
    except (OSError, ValueError) as error:
        raise BackboneError(f"the checkpoint {str(path.parent)!r} is damaged: {path.name}: {error}") from error


def check_config(place: str) -> None:
    """Refuse what a configuration counts if no model has as many, or fewer than none, before anything is made of it.

    Transformers writes a table as long as `num_labels`, and a layer is built for each that is counted.
    """
    path = Path(place) / CONFIG
    if not path.is_file():
        return
    remaining = [(read_json(path), 0)]
    if not isinstance(remaining[0][0], dict):
        raise BackboneError(f"the checkpoint {place!r} is damaged: {CONFIG} is no mapping")
    while remaining:
        value, depth = remaining.pop()
        if depth > _DEEPEST:
            raise BackboneError(f"{str(path)!r} is nested too deeply to be read; no model needs that")
        if isinstance(value, list):
            remaining += [(item, depth + 1) for item in value if isinstance(item, (dict, list))]
            continue
        for key, item in value.items():
            least = int(key in _AT_LEAST_ONE)
            if _PARTS.search(key) and type(item) in (int, float) and not least <= item <= MOST_PARTS:
                raise BackboneError(
                    f"{CONFIG} in {place!r} says {key} is {item:.6g}, where {least} to {MOST_PARTS:,} make sense; "
                    "correct it, or download the model again"
                )
            if isinstance(item, (dict, list)):
                remaining.append((item, depth + 1))


def check_size(place: str, weights: int) -> None:
    """Refuse a configuration that describes a model of many more weights than the folder's files can hold."""
    folder = Path(place)
    if not folder.is_dir():
        return
    held = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    if weights > MOST_PER_BYTE * held + SLACK:
        raise BackboneError(
            f"{CONFIG} in {place!r} describes a model of {weights:,} weights, and its files hold {held:,} bytes: "
            "correct the sizes in it, or download the model again"
        )
