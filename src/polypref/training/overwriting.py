"""A model in the place of another: trained beside it, and put there when it is whole."""

from __future__ import annotations

import os
from pathlib import Path

from polypref.errors import PolyprefError
from polypref.models.card import CARD, is_ours
from polypref.models.folders import LAST, remove_folder

_OF_A_RUN = (  # what saving and training write into a folder, and nobody else
    LAST,
    "*.safetensors",
    "*.safetensors.index.json",
    "checkpoint-*",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "training.json",
    "history.json",
)


def place_beside(out: Path) -> Path:
    """The folder in which the model that will stand in `out` is trained."""
    return out.resolve().with_name(f"{out.resolve().name}.new")


def put_in_place(out: Path) -> None:
    """Let the model trained beside `out` take its place; what a person put into `out`, a card included, stays there.

    Both folders are renamed whole: at every moment one of them holds a model, and `settle` finishes what was killed.
    """
    old, new, before = out.resolve(), place_beside(out), _before(out)
    try:
        if not is_ours(old / CARD):
            (new / CARD).unlink(missing_ok=True)
        os.rename(old, before)
        os.rename(new, old)
        _keep_others(before, old)
    except OSError as error:
        raise PolyprefError(f"cannot put {new} in the place of {out}: {error.strerror or error}") from error


def settle(out: Path) -> None:
    """Finish what a run that was killed while it overwrote a model left undone."""
    old, before = out.resolve(), _before(out)
    if before.exists() and not old.exists():
        os.rename(before, old)
    elif before.exists() and (old / LAST).exists():
        _keep_others(before, old)
    if (old / LAST).exists() and (place_beside(out) / LAST).exists():
        put_in_place(out)


def _before(out: Path) -> Path:
    return out.resolve().with_name(f"{out.resolve().name}.before")


def _keep_others(before: Path, old: Path) -> None:
    """Move what no run wrote back, and delete the rest of the folder."""
    runs = {path.name for pattern in _OF_A_RUN for path in before.glob(pattern)}
    for path in before.iterdir():
        if path.name not in runs and not (old / path.name).exists():
            os.rename(path, old / path.name)
    remove_folder(before)
