"""Where files and folders of a settings file are: beside it when it is read, and anywhere when it is saved."""

from __future__ import annotations

import glob
from collections.abc import Callable
from pathlib import Path
from typing import Any

from polypref.training.config import TrainingConfig

# settings that are paths, or may be
_DATA = ("data", "eval_data", "prompts", "eval_prompts")
_MODELS = ("backbone", "model", "policy", "guide", "judge")
_OUT = "out"
SECTIONS = ("instruction", "general", "domains")  # of a customisation, which have such settings too
Tell = Callable[[str], None]


def taken_from(settings: dict[str, Any], folder: Path, tell: Tell) -> dict[str, Any]:
    """The settings of a file in `folder`, its relative paths taken from there.

    Data and models that are not there stay as they are: they may be ids on the hub. Of what lies where the command
    runs, as in version 0.1, `tell` is told.
    """
    if folder == Path():
        return settings

    def placed(name: str, value: Any) -> Any:
        if name in (*SECTIONS, "sft") and isinstance(value, dict):
            return {inner: placed(inner, one) for inner, one in value.items()}
        if name in _DATA and isinstance(value, dict):  # the files of each set
            return {inner: placed(name, one) for inner, one in value.items()}
        if name in (*_DATA, *_MODELS) and isinstance(value, list):
            return [placed(name, one) for one in value]
        if name == _OUT and isinstance(value, str):
            return str(folder / value)
        if name in _DATA and isinstance(value, str):
            return _found(value, folder, _is_there, tell)
        if name in _MODELS and isinstance(value, str):
            return _found(value, folder, Path.is_dir, tell)
        return value

    return {name: placed(name, value) for name, value in settings.items()}


def _found(name: str, folder: Path, is_there: Callable[[Path], bool], tell: Tell) -> str:
    if is_there(folder / name):
        return str(folder / name)
    if is_there(Path(name)) and not Path(name).is_absolute():
        tell(f"there is no {name} in {folder}, beside the settings; the one where the command runs is taken")
    return name


def _is_there(path: Path) -> bool:
    return path.exists() or next(glob.iglob(str(path)), None) is not None


def anywhere(config: TrainingConfig) -> TrainingConfig:
    """The configuration with absolute paths, which mean the same wherever it is read."""

    def absolute(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(Path(name).absolute()) if _is_there(Path(name)) else name for name in names)

    model = Path(config.backbone)
    return config.model_copy(
        update={
            "data": absolute(config.data),
            "eval_data": absolute(config.eval_data),
            "backbone": str(model.absolute()) if model.is_dir() else config.backbone,
            "out": str(Path(config.out).absolute()),
        }
    )
