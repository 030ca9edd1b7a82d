"""Models by the names that users give them: folders, ids on the hub, customised folders and their domains."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from polypref.errors import DataError, PolyprefError
from polypref.models.backbones import BackboneSettings, Dtype
from polypref.models.customised import OWN
from polypref.models.domains import DomainModels
from polypref.models.preference_model import PreferenceModel


@dataclass(frozen=True)
class Loading:
    """How the models of a command are loaded."""

    max_length: int | None = None  # tokens of the longest input; none: the model's own
    dtype: str = "float32"
    device: str | None = None
    trust_remote_code: bool = False

    def model(self, name: str, domain: str | None = None) -> PreferenceModel:
        """A model by folder or Hugging Face id; of a customised folder that of a domain, or of each group's ("own")."""
        if domain == OWN:
            return self.domains(name).own
        elsewhere = _is_elsewhere(name)
        try:
            return PreferenceModel.from_pretrained(
                name, domain=domain, max_length=self.max_length, backbone=self._backbone(), device=self.device
            )
        except PolyprefError as error:
            if elsewhere and domain is None:
                raise PolyprefError(f"there is no folder {name!r}, so it was looked for on the hub: {error}") from error
            raise

    def domains(self, name: str) -> DomainModels:
        """The models of a customised folder, by domain."""
        if _is_elsewhere(name):
            raise DataError(f"there is no model folder {name!r}")
        return DomainModels.from_pretrained(
            name, max_length=self.max_length, backbone=self._backbone(), device=self.device
        )

    def _backbone(self) -> BackboneSettings:
        if self.dtype not in get_args(Dtype):
            raise PolyprefError(f"unknown dtype {self.dtype!r}; known are {', '.join(get_args(Dtype))}")
        return BackboneSettings(dtype=cast(Dtype, self.dtype), trust_remote_code=self.trust_remote_code)


def _is_elsewhere(name: str) -> bool:
    """Whether a name is no folder here; one that can be nothing else is refused."""
    elsewhere = not name.startswith("embedded:") and not Path(name).exists()
    if elsewhere and _is_place(name):
        raise DataError(f"there is no model folder {name!r}")
    return elsewhere


def _is_place(name: str) -> bool:
    """Whether a name can only be that of a folder: ids on the hub are `org/name` or `name`."""
    return name.startswith(("/", ".", "~")) or name.endswith("/") or name.count("/") > 1
