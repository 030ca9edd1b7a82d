"""Where a fit stands, written every so many steps, so that a killed one goes on from there to the same weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from polypref.errors import PolyprefError
from polypref.files import whole_path

_WEIGHT, _OPTIMISER = "weight.", "optimiser."  # what the names of tensors begin with
_ENDING = ".safetensors"


@dataclass(frozen=True)
class FitCheckpoints:
    """The files of one fit, in a folder that is deleted when the fit is whole."""

    folder: Path
    every: int  # steps
    writes: bool = True  # of several processes, one

    def write(
        self,
        name: str,
        weights: Mapping[str, Tensor],
        optimizer: torch.optim.Optimizer,
        scheduler: Any,
        log: Sequence[Mapping[str, Any]],
    ) -> None:
        """The weights that learn, what their optimiser and its schedule remember, and the log of steps, in one file."""
        if not self.writes:
            return
        state = optimizer.state_dict()
        tensors = {_WEIGHT + key: value.detach().contiguous() for key, value in weights.items()}
        for at, remembered in state["state"].items():
            tensors |= {f"{_OPTIMISER}{at}.{key}": value.contiguous() for key, value in remembered.items()}
        rates = [group["lr"] for group in state["param_groups"]]
        self._save(name, tensors, {"log": list(log), "rates": rates, "schedule": scheduler.state_dict()})

    def read(
        self, name: str, weights: Mapping[str, Tensor], optimizer: torch.optim.Optimizer, scheduler: Any
    ) -> list[dict[str, Any]]:
        """Put everything back where it was; the log of the steps that are done, none where nothing was written."""
        found = self._load(name)
        if found is None:
            return []
        tensors, told = found
        with torch.no_grad():
            for key, weight in weights.items():
                weight.copy_(tensors.pop(_WEIGHT + key))
        state = optimizer.state_dict()
        for key, value in tensors.items():
            at, _, what = key.removeprefix(_OPTIMISER).partition(".")
            state["state"].setdefault(int(at), {})[what] = value
        optimizer.load_state_dict(state)
        for group, rate in zip(optimizer.param_groups, told["rates"]):
            group["lr"] = rate
        scheduler.load_state_dict(told["schedule"])
        log: list[dict[str, Any]] = told["log"]
        return log

    def keep(self, name: str, values: Sequence[Tensor]) -> None:
        """Something that was computed between two fits."""
        if self.writes:
            self._save(name, {str(at): value.contiguous() for at, value in enumerate(values)}, {})

    def kept(self, name: str) -> list[Tensor] | None:
        """It, where it was computed."""
        found = self._load(name)
        return None if found is None else [found[0][str(at)] for at in range(len(found[0]))]

    def remove(self) -> None:
        """The fit is whole."""
        if self.writes:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _save(self, name: str, tensors: dict[str, Tensor], told: dict[str, Any]) -> None:
        from safetensors.torch import save_file

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with whole_path(self.folder / (name + _ENDING)) as path:
                save_file(tensors, path, metadata={"told": json.dumps(told)})
        except OSError as error:
            raise PolyprefError(f"cannot write the checkpoint {self.folder}: {error.strerror or error}") from error

    def _load(self, name: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        from safetensors import SafetensorError, safe_open

        path = self.folder / (name + _ENDING)
        if not path.exists():
            return None
        try:
            with safe_open(path, framework="pt") as file:
                return {key: file.get_tensor(key) for key in file.keys()}, json.loads(file.metadata()["told"])  # noqa: SIM118
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise PolyprefError(
                f"the checkpoint {path} is damaged ({reason}): delete {self.folder} to begin the fit again"
            ) from error
