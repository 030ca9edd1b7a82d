"""What a run trains, by its configuration and data: the objective, the head, the persons told apart, the model."""

from __future__ import annotations

from collections.abc import Sequence

from polypref.groups.model import Group
from polypref.models.backbones import BackboneSettings
from polypref.models.heads import Head, make_head, plain_head
from polypref.models.imitation import language_head
from polypref.models.lora import Lora
from polypref.models.persons import spelt_alike
from polypref.models.preference_model import PreferenceModel
from polypref.objectives import Objective, default_objective, labels_of, make_objective
from polypref.objectives.judgments import persons_of
from polypref.training.arguments import training_arguments
from polypref.training.config import ConfigError, TrainingConfig
from polypref.training.progress import Report
from polypref.training.reporters import check_reporters

_MOST_LABELS = 50


def check_run(config: TrainingConfig, groups: Sequence[Group], mixed: Sequence[Group], evaluated: bool) -> Head:
    """The head that a run would train; nothing is loaded, and settings that do not go together are refused."""
    objective = objective_of(config)
    head = head_of(config, groups, objective)
    check_data(objective, groups)
    if mixed:
        check_data(objective, mixed)
    check_weights(config, head)
    check_reporters(config.report_to)
    training_arguments(config, evaluated)
    return head


def check_data(objective: Objective, groups: Sequence[Group]) -> None:
    objective.check_data(
        sum(len(group.comparisons) for group in groups),
        sum(not isinstance(rating.label, str) for group in groups for rating in group.ratings),
    )


def objective_of(config: TrainingConfig) -> Objective:
    """The objective as configured, or else the head's own."""
    name = config.objective or default_objective(make_head(config.head).name).name
    return make_objective(name, **config.objective_settings)


def head_of(config: TrainingConfig, groups: Sequence[Group], objective: Objective) -> Head:
    """The head as configured; one that is made for labels takes those of the data unless told."""
    settings = config.head_settings
    head = make_head(config.head, **settings)
    objective.check(head)
    if head.from_data and head.from_data not in settings:
        labels = labels_of(groups)
        if objective.uses == "ratings" and len(labels) > _MOST_LABELS:
            raise ConfigError(
                f"the ratings have {len(labels)} different labels, such as {labels[0]:g} and {labels[1]:g}; bin them, "
                f"or name the labels with head_settings.{head.from_data}"
            )
        if objective.uses == "ratings" and len(labels) >= 2:
            return make_head(config.head, **{**settings, head.from_data: labels})
    return head


def people_to_learn(head: Head, objective: Objective, groups: Sequence[Group], report: Report) -> tuple[str, ...]:
    """Whose tastes are learned: all who compared responses, for heads that tell persons apart."""
    if not head.tastes:
        return ()
    if objective.uses != "comparisons":
        raise ConfigError(f"the {objective.name} objective reads ratings, of which a {head.name} head has one for all")
    names = persons_of(groups)
    if not names:
        raise ConfigError(
            f"a {head.name} head tells persons apart, and no comparison of the data names its annotator; name them, or "
            f"train a {plain_head().name} head"
        )
    alike = spelt_alike(names)
    if alike:
        example = " and ".join(repr(name) for name in next(iter(alike.values())))
        report.line(
            f"{len(alike):,} names of annotators are spelt in several ways, such as {example}: each spelling is taken "
            "for another person; write one name one way"
        )
    return names


def backbone_settings(config: TrainingConfig) -> BackboneSettings:
    """How the model of a run is loaded."""
    return BackboneSettings(
        dtype=config.dtype,
        attention=config.attention,
        quantization=config.quantization,
        trust_remote_code=config.trust_remote_code,
        state_token=config.state_token,
        dropout=config.dropout,
    )


def check_weights(config: TrainingConfig, head: Head) -> None:
    """Refuse what cannot be trained."""
    if config.lora and config.frozen:
        raise ConfigError("frozen trains the last layer alone and lora the backbone too; leave one of them out")
    if config.quantization and not (config.lora or config.frozen):
        raise ConfigError("quantised weights cannot be trained themselves; add lora, or frozen")
    if config.dtype == "float16" and not (config.lora or config.frozen):
        raise ConfigError(
            "weights in float16 lose small updates; train with dtype float32 and precision float16, or dtype bfloat16"
        )
    if config.imitation and config.frozen:
        raise ConfigError("frozen trains the last layer alone and imitation the backbone; leave one of them out")
    if config.imitation and head.joint:
        raise ConfigError(
            f"imitation is of single responses, and a {head.name} head reads two together; set imitation to 0, or "
            "train one of the other heads"
        )


def build_model(config: TrainingConfig, head: Head, language_model: str | None = None) -> PreferenceModel:
    """A new model on the backbone; a model of ours with the same head goes on from its own state layer.

    `language_model` is the checkpoint whose language-modelling head imitation uses, if not that of the backbone.
    """
    check_weights(config, head)
    settings, lora = backbone_settings(config), None
    if config.lora:
        lora = Lora(config.lora.rank, config.lora.alpha, config.lora.targets or "all-linear")
    model = PreferenceModel.from_backbone(
        config.backbone, head, max_length=config.max_length, seed=config.seed, backbone=settings, lora=lora
    )
    if config.gradient_checkpointing:
        model.encoder.classifier.activation_checkpointing_enable()
    if config.imitation:
        model.encoder.language_head = language_head(
            model.encoder.classifier, language_model or config.backbone, settings
        )
    return model
