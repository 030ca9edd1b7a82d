"""A customised folder: a general model in `general` and one for each domain in `domains/NAME`."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, unquote

from polypref.errors import PolyprefError
from polypref.groups.model import shown
from polypref.models.folders import LAST, check_place

GENERAL, DOMAINS = "general", "domains"
OWN, EACH = "own", "each"  # each group by the model of its own domain; the model of every domain in turn
RESERVED = (GENERAL, OWN, EACH)  # what no domain can be called
ADAPTER = "adapter_config.json"  # written last
_ADAPTER_WEIGHTS = "adapter_model.safetensors"
_LONGEST = 200  # of 255 that most file systems take


class DomainError(PolyprefError):
    """A domain whose model is not there, or a folder without domains."""


def is_customised(path: str | Path) -> bool:
    """Whether a folder holds a general model or domains, and is no model itself."""
    folder = Path(path)
    return not (folder / LAST).exists() and ((folder / GENERAL / LAST).exists() or (folder / DOMAINS).is_dir())


def domain_folder(path: str | Path, domain: str) -> Path:
    """Where the model of a domain lies; what a file system may not take is written %XX, as in web addresses."""
    if not domain or domain in RESERVED:
        raise DomainError(f"a domain cannot be called {domain!r}: {', '.join(RESERVED)} have a meaning of their own")
    name = quote(domain, safe=" ()&,+!'")
    if len(name) > _LONGEST:
        raise DomainError(
            f"the domain {shown(domain)} has too long a name for a folder: {len(name)} characters as {shown(name)}, "
            f"and {_LONGEST} fit"
        )
    return Path(path) / DOMAINS / (f"%2E{name[1:]}" if name.startswith(".") else name)


def domain_names(path: str | Path) -> list[str]:
    """The domains that have a model in a customised folder, in alphabetical order."""
    folders = Path(path, DOMAINS).glob("*/")
    return sorted(unquote(folder.name) for folder in folders if is_model(folder))


def is_model(folder: Path) -> bool:
    """Whether a folder holds a model, or an adapter that makes one; not one that was written in part."""
    whole = (folder / LAST).exists() and not (folder / _ADAPTER_WEIGHTS).exists()
    return whole or (folder / ADAPTER).exists()


def has_general(path: str | Path) -> bool:
    """Whether a customised folder has a general model."""
    return (Path(path) / GENERAL / LAST).exists()


def check_customised(path: str | Path) -> None:
    """Refuse a folder without domains to choose from."""
    if not is_customised(path):
        raise DomainError(
            f"{str(path)!r} is no customised folder (with {GENERAL} and {DOMAINS} in it), so it has no domains to "
            "choose from: leave the domain out, or make such a folder with polypref customize"
        )


def check_general(path: str | Path) -> None:
    """Refuse a customised folder without a general model."""
    if not has_general(path):
        known = ", ".join(domain_names(path)) or "none"
        raise DomainError(f"{str(path)!r} has no general model in {GENERAL}; name a domain that has one: {known}")


def model_folder(path: str, domain: str | None) -> tuple[str, str | None]:
    """The folder (or id) of one model and the domain it is of: `general` unless named; None for ordinary models."""
    check_place(path)
    if domain is None and not is_customised(path):
        return path, None
    check_customised(path)
    if domain in (OWN, EACH):
        raise DomainError(
            f"the domain {domain!r} stands for several models: use DomainModels.from_pretrained({path!r})"
        )
    if domain is None or domain == GENERAL:
        check_general(path)
        return str(Path(path) / GENERAL), GENERAL
    if domain not in domain_names(path):
        known = [*([GENERAL] if has_general(path) else []), *domain_names(path)]
        raise DomainError(f"{path!r} has no model for the domain {domain!r}; known are {', '.join(known)}")
    return str(domain_folder(path, domain)), domain
