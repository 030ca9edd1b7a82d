"""Customisation from a configuration, top to bottom: instruction tuning, a general model, one model per domain."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from polypref.customization.checking import check_alone, check_stages
from polypref.customization.config import CustomizeConfig
from polypref.customization.curve import LearningCurve
from polypref.customization.data import load_data
from polypref.customization.domain import customize_domain
from polypref.customization.few_shot import learning_curve
from polypref.customization.general import base_model, make_general
from polypref.customization.ledger import begin
from polypref.customization.measuring import GeneralAnswers
from polypref.customization.sweep import SweepRow, sweep
from polypref.customization.tradeoff import Tradeoff
from polypref.training.config import ConfigError
from polypref.training.progress import Report


@dataclass(frozen=True)
class Customized:
    """What was made and measured; `to_dict` is its JSON."""

    out: Path
    domains: dict[str, Tradeoff] = field(default_factory=dict)
    sweep: list[SweepRow] = field(default_factory=list)
    few_shot: dict[str, LearningCurve] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return {**asdict(self), "out": str(self.out)}


def customize(config: CustomizeConfig, report: Report | None = None, ray: str | None = None) -> Customized:
    """Make a general model and one for each domain in `config.out`; finished parts are not made again.

    With `ray`, the address of a cluster (`auto`, or `local` to start one here), the settings of a sweep run there; all
    its machines must see the files and folders that the configuration names.
    """
    check_alone()
    if ray is not None and config.sweep is None:
        raise ConfigError("only the settings of a sweep run on a Ray cluster, and there is none: add sweep")
    report = report or Report()
    out = Path(config.out)
    data = load_data(config, report)
    check_stages(config, data)
    begin(config, data)
    base = base_model(config, data, report)
    if config.general is None:
        return Customized(out)
    make_general(config, data, base, report)
    known = GeneralAnswers()
    domains = {
        name: customize_domain(config, name, parts, data, out, report, known) for name, parts in data.domains.items()
    }
    rows = sweep(config, data, report, known, ray) if config.sweep else []
    few_shot = {}
    if config.few_shot:
        few_shot = {
            name: learning_curve(config, name, parts, data, base, report) for name, parts in data.domains.items()
        }
    return Customized(out, domains, rows, few_shot)
