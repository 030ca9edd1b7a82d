"""Stages 1 and 2: the base model, taught to answer or as it is, and one model of general preferences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from polypref.customization.config import CustomizeConfig
from polypref.customization.data import CustomizeData
from polypref.customization.ledger import INSTRUCTION
from polypref.models.adapters import base_of, names_adapter
from polypref.models.backbones import BackboneSettings, load_config
from polypref.models.block import block_of, head_of_block, names_own_adapter
from polypref.models.customized import GENERAL, model_folder
from polypref.models.embedded import resolve
from polypref.models.folders import LAST
from polypref.models.heads import Head, plain_head
from polypref.models.preference_model import PreferenceModel
from polypref.models.screening import check_weights
from polypref.training.building import backbone_settings, check_run
from polypref.training.checkpoints import last_complete
from polypref.training.config import TrainingConfig, make_config
from polypref.training.instruction import tune
from polypref.training.progress import Report
from polypref.training.recipe import train


def base_model(config: CustomizeConfig, data: CustomizeData, report: Report) -> str:
    """Stage 1, in `out/instruction`, unless it is skipped; what stage 2 and learning from scratch start from."""
    if config.instruction is None:
        return config.backbone
    folder = Path(config.out) / INSTRUCTION
    if not (folder / LAST).exists():
        loading = backbone_settings(common_run(config))
        tune(config.instruction, config.backbone, data.instruction, folder, config.seed, report, loading)
    return str(folder)


def language_model(config: CustomizeConfig) -> str:
    """The checkpoint with the language-modelling head that imitation uses; classifiers have none of their own."""
    if config.instruction:
        return str(Path(config.out) / INSTRUCTION)
    if config.general and config.general.model and not config.names_backbone:
        return model_folder(config.general.model, None)[0]
    return config.backbone


def make_general(config: CustomizeConfig, data: CustomizeData, backbone: str, report: Report) -> None:
    """Stage 2, in `out/general`: trained on all general sets, the checkpoint that is named, or the base model."""
    assert config.general is not None
    folder = Path(config.out) / GENERAL
    if (folder / LAST).exists():
        return
    if config.general.skip:
        report.line(f"stage 2 is skipped: {backbone} with a new head stands in for a general model")
        run, held_out = config.stage_2(backbone, ""), data.general_held_out
        PreferenceModel.from_backbone(
            backbone,
            check_run(run, [*data.enrichment, *held_out], (), evaluated=bool(held_out)),
            max_length=run.max_length,
            seed=run.seed,
            backbone=replace(backbone_settings(run), quantization=None),
        ).save_pretrained(folder)
        return
    if config.general.model:
        report.line(f"stage 2: the general model is {config.general.model}")
        held_out_here = [name for name in config.general.data if name not in config.general.eval_data]
        if held_out_here:
            report.line(
                f"{config.general.model} is measured on a share of {', '.join(held_out_here)}; if it was trained on "
                "that, its accuracy there is too high, and so is what customising loses: name sets it has not seen "
                "with general.eval_data"
            )
        loading = replace(backbone_settings(common_run(config)), quantization=None)
        PreferenceModel.from_pretrained(config.general.model, backbone=loading).save_pretrained(folder)
        return
    report.line("stage 2: a general model")
    train(resumable(config.stage_2(backbone, str(folder))), data.enrichment, data.general_held_out, report)


def general_place(config: CustomizeConfig) -> str:
    """Where the general model lies, whatever folder a run starts in."""
    return str((Path(config.out) / GENERAL).absolute())


def load_general(config: CustomizeConfig, run: TrainingConfig) -> PreferenceModel:
    """The general model as a domain's run reads it: with its precision, and inputs cut where that cuts them."""
    return PreferenceModel.from_pretrained(
        general_place(config), max_length=run.max_length, backbone=backbone_settings(run)
    )


def saved_head(name: str, settings: BackboneSettings) -> Head:
    """The head of a saved model."""
    folder, _ = model_folder(name, None)
    if names_adapter(folder):
        base_of(folder)
        if not names_own_adapter(folder, settings):
            return plain_head()
    else:
        check_weights(resolve(folder))
    config = load_config(folder, settings)
    return head_of_block(block_of(config, folder), folder, config.num_labels)


def common_run(config: CustomizeConfig) -> TrainingConfig:
    """The settings that all stages have in common."""
    return make_config(config.training)


def resumable(run: TrainingConfig) -> TrainingConfig:
    """A run that goes on from its last checkpoint, if it has one."""
    return run.model_copy(update={"resume": last_complete(Path(run.out)) is not None})
