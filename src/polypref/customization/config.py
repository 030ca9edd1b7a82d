"""The configuration of a customisation: three stages, a sweep over the third, and a learning curve."""

from __future__ import annotations

from typing import Annotated, Any, Optional, Union

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from polypref.training.config import ConfigError, InstructionConfig, Names, TrainingConfig, checked, make_config

_SETTINGS = ConfigDict(extra="forbid", frozen=True)
_OF_THE_STAGES = frozenset(  # settings of a training run that the stages set themselves
    "data eval_data eval_share format preferred columns skip_bad pairs_from_ratings backbone out resume seed".split()
)
_OF_THE_TRAINER = frozenset(  # settings of transformers' Trainer that decide where and when a run is kept
    "output_dir seed data_seed eval_strategy eval_steps metric_for_best_model save_strategy save_steps "
    "save_total_limit save_only_model load_best_model_at_end "
    "overwrite_output_dir restore_callback_states_from_checkpoint resume_from_checkpoint".split()
)
_OF_THE_WATCH = frozenset("eval_steps save_steps keep_checkpoints best_metric patience imitation".split())


Share = Annotated[float, Field(ge=0, lt=1)]
Mixed = Annotated[float, Field(ge=0, le=0.99)]
Weight = Annotated[float, Field(ge=0)]


class Stage(BaseModel):
    """What reads data of its own."""

    model_config = _SETTINGS

    @property
    def reading(self) -> dict[str, Any]:
        """How its data are read: options of `Sources`."""
        return self.model_dump(include={"format", "columns", "skip_bad", "preferred", "pairs_from_ratings"})

    @model_serializer(mode="wrap")
    def _as_before(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As it was written before there were columns, where none are named, so that what was begun then can go on."""
        found: dict[str, Any] = plain(self)
        return {name: value for name, value in found.items() if value or name != "columns"}


class Instruction(Stage, InstructionConfig):
    """Stage 1: the base model learns to answer as the best responses do; decoders only."""

    data: Names
    format: Optional[str] = None
    columns: dict[str, str] = {}  # which column holds a field that the format expects under another name
    skip_bad: bool = False


class General(Stage):
    """Stage 2: one model of general preferences; `model` names a checkpoint that is one already.

    With `skip`, the domains' models start from the base model, and what it is to lose is measured on the same sets.
    """

    data: dict[str, Names] = {}  # name of the set -> its files
    eval_data: dict[str, Names] = {}  # test sets; of sets without one, `eval_share` is held out
    eval_share: Share = 0.1
    format: Optional[str] = None
    columns: dict[str, str] = {}  # which column holds a field that the format expects under another name
    skip_bad: bool = False
    pairs_from_ratings: bool = False
    training: dict[str, Any] = {}  # settings of polypref train for this stage
    model: Optional[str] = None
    skip: bool = False


class Domains(Stage):
    """Stage 3: one model per domain, from the general one."""

    data: Union[dict[str, Names], Names]  # of each domain by name, or groups that carry their domain
    eval_data: Union[dict[str, Names], Names] = ()  # test sets, never used to choose; else `eval_share` is held out
    only: Names = ()  # domains to customise for; none: all
    eval_share: Share = 0.1
    choose_share: float = Field(0.1, gt=0, lt=1)  # of the training prompts, of domains and general sets
    choose_most: int = Field(500, ge=1)  # groups of a general set to choose by; the others are trained on
    format: Optional[str] = None
    preferred: Optional[str] = None
    columns: dict[str, str] = {}  # which column holds a field that the format expects under another name
    skip_bad: bool = False
    pairs_from_ratings: bool = False
    training: dict[str, Any] = {}  # settings of polypref train for this stage
    enrichment: Mixed = 0.0  # of the groups trained on, general ones
    imitation: Weight = 0.0  # of the language-modelling loss on the best responses
    distillation: Weight = 0.0  # of the cross-entropy towards the general model's probabilities
    # measured between the general and the customised weights; none: a quarter, a half and three quarters of the way,
    # where both models have the same head and weights are not quantised
    interpolation: Optional[tuple[Annotated[float, Field(gt=0, lt=1)], ...]] = None
    eval_steps: int = Field(20, ge=1)
    most_general_loss: float = Field(0.01, ge=0)  # of general accuracy, that the recommended model may lose


class Sweep(BaseModel):
    """Settings of stage 3 to try, each with each."""

    model_config = _SETTINGS

    enrichment: tuple[Mixed, ...] = ()
    imitation: tuple[Weight, ...] = ()
    distillation: tuple[Weight, ...] = ()
    learning_rate: tuple[Annotated[float, Field(gt=0)], ...] = ()
    lora: tuple[Optional[Annotated[int, Field(ge=1)]], ...] = ()  # ranks; none: all weights


class CustomizeConfig(BaseModel):
    """A customisation; the resolved configuration is saved as `customize.json`."""

    model_config = _SETTINGS

    backbone: str = "embedded:minilm"
    out: str = "custom"
    seed: int = Field(0, ge=0)
    training: dict[str, Any] = {}  # settings of polypref train that stages 2 and 3 have in common
    instruction: Optional[Instruction] = None
    general: Optional[General] = None
    domains: Optional[Domains] = None
    sweep: Optional[Sweep] = None
    few_shot: tuple[Annotated[int, Field(ge=1)], ...] = ()  # numbers of comparisons; all of them are added
    few_shot_steps: Optional[int] = Field(None, ge=1)  # of each of these models; none: the epochs of stage 3

    def stage_2(self, backbone: str, out: str) -> TrainingConfig:
        """The run of the general model."""
        assert self.general is not None
        return _run("general.training", self.training, self.general.training, frozenset(), self._own(backbone, out))

    def stage_3(self, backbone: str, out: str) -> TrainingConfig:
        """The run of a domain's model."""
        assert self.domains is not None
        own = {
            **self._own(backbone, out),
            "imitation": self.domains.imitation,
            "save_steps": self.domains.eval_steps,  # wherever the run is measured it can be gone on from
            "keep_checkpoints": 1,
        }
        return _run("domains.training", self.training, self.domains.training, _OF_THE_WATCH, own)

    @property
    def names_backbone(self) -> bool:
        """Whether the base model is named, rather than the one that is taken if not."""
        return "backbone" in self.model_fields_set

    def _own(self, backbone: str, out: str) -> dict[str, Any]:
        own: dict[str, Any] = {"backbone": backbone, "out": out, "seed": self.seed}
        return {**own, "calibrate": False}  # the models of domains are held against the general one as they are


def make_customize_config(settings: dict[str, Any]) -> CustomizeConfig:
    """A checked configuration, or one sentence on what is wrong with it."""
    config = checked(CustomizeConfig, settings)
    if config.general is None:
        if config.domains:
            raise ConfigError(
                "the domains' models start from a general one: add general.data, or general.model with a checkpoint"
            )
        if config.instruction is None:
            raise ConfigError("there is nothing to do: add instruction, general and domains, or some of them")
    else:
        _check_general(config.general, with_domains=config.domains is not None)
        _check_start(config, config.general)
        config.stage_2("", "")
    if config.instruction:
        _check_trainer("instruction.trainer", config.instruction.trainer)
    if config.domains:
        _check_spread(config.stage_3("", ""))
    elif config.sweep or config.few_shot:
        raise ConfigError("sweep and few_shot are about the domains' models, and there are no domains in the settings")
    if config.sweep and not any(values for _, values in config.sweep):
        raise ConfigError("sweep lists nothing to try: name settings, such as enrichment: [0, 0.3], or leave it out")
    if config.few_shot_steps and not config.few_shot:
        raise ConfigError("few_shot_steps is about few_shot, which is absent: list numbers of comparisons there")
    return config


def _check_general(general: General, with_domains: bool) -> None:
    if not general.data and not general.model:
        raise ConfigError("general needs data to train on, or model, a checkpoint to start from")
    if with_domains and not general.data:
        raise ConfigError(
            "what is lost in general ability is measured on general sets: name some with general.data, also beside "
            "general.model"
        )
    unknown = ", ".join(general.eval_data.keys() - general.data.keys())
    if unknown:
        raise ConfigError(f"general.eval_data has {unknown}, which general.data has not; give both the same names")


def _check_start(config: CustomizeConfig, general: General) -> None:
    """Refuse a general model beside what would say that another is made."""
    if not general.model:
        return
    if general.skip:
        raise ConfigError("general.skip starts from the base model and general.model from a checkpoint: leave one out")
    if config.instruction:
        raise ConfigError(
            "general.model stands in for what instruction and general data would train, so instruction would change "
            "nothing; leave one of the two out"
        )
    if config.few_shot and not config.names_backbone:
        raise ConfigError(
            "few_shot compares with training from scratch, and general.model does not say on which base model: name it "
            "with backbone"
        )


def _check_trainer(place: str, trainer: dict[str, Any]) -> None:
    taken = _OF_THE_TRAINER & trainer.keys()
    if taken:
        raise ConfigError(f"{place} has {', '.join(sorted(taken))}, which customize sets itself; leave that out")


def _check_spread(stage: TrainingConfig) -> None:
    if {"fsdp", "deepspeed"} & stage.trainer.keys():
        raise ConfigError("a domain's model is measured while it is trained, whole: leave fsdp and deepspeed out")


def _run(
    place: str, common: dict[str, Any], stage: dict[str, Any], more: frozenset[str], own: dict[str, Any]
) -> TrainingConfig:
    """The settings of a stage over the common ones; those that are not its business are refused."""
    for where, given in (("training", common), (place, stage)):
        taken = (_OF_THE_STAGES | more) & given.keys()
        if taken:
            raise ConfigError(f"{where} has {', '.join(sorted(taken))}, which customize sets itself; leave that out")
    made = make_config({**common, **stage, **own})
    _check_trainer(f"trainer in {place}, or in training,", made.trainer)
    if made.head_settings and "head" not in common.keys() | stage.keys():
        raise ConfigError(f"{place} has head_settings and nothing says of which head; name it with head")
    return made
