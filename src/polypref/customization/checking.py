"""What is refused before anything is trained: settings of any stage that do not go together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification

from polypref.customization.config import CustomizeConfig
from polypref.customization.data import CustomizeData
from polypref.customization.domain import stage_3_run
from polypref.customization.general import common_run, language_model, saved_head
from polypref.customization.sweep import settings
from polypref.groups.model import Group
from polypref.models.backbones import load_config, plain_errors
from polypref.models.heads import Head
from polypref.models.imitation import language_head
from polypref.training.building import backbone_settings, check_run, objective_of
from polypref.training.config import ConfigError, TrainingConfig


def check_alone() -> None:
    """Refuse several processes, which would write the same folders."""
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        raise ConfigError(
            "customize runs in one process, and torchrun started several: run it without torchrun, and spread a sweep "
            "over machines with --ray"
        )


def check_stages(config: CustomizeConfig, data: CustomizeData) -> None:
    """Refuse what stage 2, stage 3 or a setting of the sweep would be stopped by, hours later."""
    if config.general is None:
        return
    head = _general_head(config, data)
    for one in _variants(config):
        assert one.domains is not None
        run = stage_3_run(one, head, "")
        _check_few_shot(one, run)
        mixed = data.enrichment if one.domains.enrichment else ()
        for parts in data.domains.values():
            check_run(run, parts.train, mixed, evaluated=False)
        if run.imitation:
            _check_imitation(one, run)


def _variants(config: CustomizeConfig) -> Iterator[CustomizeConfig]:
    """The configuration with the settings of stage 3, and with those of each setting of the sweep."""
    if config.domains:
        yield config
        if config.sweep:
            yield from (one for _, one in settings(config))


def _general_head(config: CustomizeConfig, data: CustomizeData) -> Head:
    """The head that the general model has, or will have."""
    assert config.general is not None
    if not config.general.model:
        groups: list[Group] = [*data.enrichment, *data.general_held_out]
        run = config.stage_2(config.backbone, "")
        if run.imitation and (config.few_shot or not config.general.skip):
            _check_imitation(config, run)
        return check_run(run, groups, (), evaluated=bool(data.general_held_out))
    name = config.general.model
    beside = Path(name).parent
    is_place = name.startswith(("/", ".", "~")) or name.count("/") > 1 or (beside != Path() and beside.is_dir())
    if is_place and not Path(name).exists():
        raise ConfigError(f"there is no checkpoint {name!r}, which general.model names; train one, or correct the path")
    return saved_head(name, backbone_settings(common_run(config)))


def _check_few_shot(config: CustomizeConfig, run: TrainingConfig) -> None:
    objective = objective_of(run)
    if config.few_shot and objective.uses == "ratings":
        raise ConfigError(
            f"few_shot counts comparisons, and the {objective.name} objective learns from ratings; leave few_shot out, "
            "or choose an objective that learns from comparisons"
        )


def _check_imitation(config: CustomizeConfig, run: TrainingConfig) -> None:
    """Refuse what has no language-modelling head; of stage 1's model, the one it is made of must have it."""
    name = config.backbone if config.instruction else language_model(config)
    loading = backbone_settings(run)
    made = load_config(name, loading)
    with plain_errors(name), torch.device("meta"):
        skeleton: Any = AutoModelForSequenceClassification.from_config(  # type: ignore[no-untyped-call]
            made, trust_remote_code=loading.trust_remote_code
        )
    language_head(skeleton, name, loading)
