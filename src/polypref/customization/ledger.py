"""The ledger of a customisation: with which settings and of which data its folder was begun, and what must stay."""

from __future__ import annotations

import json
from collections.abc import Iterable, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polypref.customization.config import CustomizeConfig
from polypref.customization.data import A_DOMAIN, CustomizeData
from polypref.customization.tradeoff import TRADEOFF, write_json
from polypref.models.customized import GENERAL, domain_folder
from polypref.models.folders import LAST
from polypref.training.checkpoints import COMPLETE
from polypref.training.config import ConfigError

RESOLVED = "customize.json"  # the resolved configuration, in `out`; written last of what `begin` writes
DATA = "data.json"  # the fingerprints of the data, beside it
INSTRUCTION, SWEEP, FEW_SHOT = "instruction", "sweep", "few_shot"  # folders in `out`, beside those of models
_OF_LOADING = ("dtype", "trust_remote_code")
_OF_DATA = frozenset(("data", "eval_data", "only"))  # settings of domains that its fingerprints tell more about


def begin(config: CustomizeConfig, data: CustomizeData) -> None:
    """Write the resolved configuration into `out`, where nothing must have been made with another, or of other data.

    What no stage has used yet may change, and domains may be added.
    """
    out = Path(config.out)
    if (out / LAST).exists():
        raise ConfigError(
            f"{out} already holds a model, and customize makes a folder of several models: choose another --out"
        )
    made, settings = {}, config.model_dump(mode="json")
    if (out / RESOLVED).exists():
        made = _check_same(settings, data, out)
    write_json(out / DATA, {**made, **data.fingerprints()})
    write_json(out / RESOLVED, settings)


def check_same_data(data: CustomizeData, out: Path) -> None:
    """Refuse other data than those that `out` was begun with."""
    _refuse_changed(_read_json(out / DATA), data.fingerprints(), out)


@dataclass(frozen=True)
class _Begun:
    """Which stages have made something, and for which domains, as messages call them."""

    first: bool
    second: bool
    domains: Set[str]


def _check_same(now: dict[str, Any], data: CustomizeData, out: Path) -> dict[str, str]:
    """Refuse to add to what was made with other settings, or of other data; the fingerprints of what was made."""
    before, known = _read_json(out / RESOLVED), _read_json(out / DATA)
    begun = _begun(out, known)
    changed = _changed(before, now, begun)
    if changed:
        raise ConfigError(
            f"{out} was made with other settings for {', '.join(sorted(changed))} (see {out / RESOLVED}); go on with "
            "the same, or choose another --out"
        )
    made = _made_of(known, before["general"] or {}, begun)
    _refuse_changed(made, {what: digest for what, digest in data.fingerprints().items() if what in made}, out)
    return made


def _begun(out: Path, known: Iterable[str]) -> _Begun:
    """What has begun in `out`, of sets of data that messages call so."""
    domains = {what for what in known if what.startswith(A_DOMAIN) and _has_domain(out, what.removeprefix(A_DOMAIN))}
    second = bool(domains) or _is_begun(out / GENERAL)
    return _Begun(second or _is_begun(out / INSTRUCTION), second, domains)


def _changed(before: dict[str, Any], now: dict[str, Any], begun: _Begun) -> set[str]:
    """The settings that something was made with, and that are others now."""
    used = dict.fromkeys(("backbone", "seed", "instruction"), begun.first)
    used |= dict.fromkeys(("training", "general"), begun.second)
    found = {name for name, is_used in used.items() if is_used and before.get(name) != now[name]}
    if begun.first and not begun.second:  # stage 1 loads its model as the others do
        then, common = before["training"], now["training"]
        found |= {f"training.{name}" for name in _OF_LOADING if then.get(name) != common.get(name)}
    if begun.domains and before["domains"] and now["domains"]:
        names = now["domains"].keys() - _OF_DATA
        found |= {f"domains.{name}" for name in names if before["domains"].get(name) != now["domains"][name]}
    return found


def _made_of(known: dict[str, str], general: dict[str, Any], begun: _Begun) -> dict[str, str]:
    """The fingerprints of the data that something was made of; `general` are the settings of its stage."""
    is_trained = begun.second and not general.get("model") and not general.get("skip")
    learned = bool(begun.domains) or is_trained  # from the general sets, or chosen by them
    return {
        what: digest
        for what, digest in known.items()
        if what in begun.domains
        or (not what.startswith(A_DOMAIN) and (begun.first if what == "instruction.data" else learned))
    }


def _has_domain(out: Path, name: str) -> bool:
    """Whether stage 3, the sweep or the learning curve has begun with a domain."""
    places = [out, *(out / SWEEP).glob("*/")]
    return (
        any(_is_begun(domain_folder(place, name)) for place in places) or domain_folder(out / FEW_SHOT, name).exists()
    )


def _is_begun(folder: Path) -> bool:
    """Whether there is a model, a checkpoint to go on from, or what was measured of one."""
    return (folder / LAST).exists() or any(any(folder.rglob(name)) for name in (COMPLETE, TRADEOFF))


def _refuse_changed(before: dict[str, str], now: dict[str, str], out: Path) -> None:
    changed = [what for what, digest in now.items() if before.get(what) != digest]
    if changed:
        raise ConfigError(
            f"{out} was made of other data than there are now for {', '.join(changed)}; go on with the same data, "
            "split alike (eval_share, choose_share, choose_most, what other sets hold out), or choose another --out"
        )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {path} ({error}); start again with a new --out") from error
    return found
