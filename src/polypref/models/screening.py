"""What is looked at in a model's folder before any library opens it, for a stranger may have made it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from polypref.models.embedded import BackboneError

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
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
