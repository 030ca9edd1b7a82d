"""The configuration of a training run: everything that is needed to repeat it, from flags, YAML or Python alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from polypref.errors import PolyprefError, unknown
from polypref.models.heads import plain_head

_Model = TypeVar("_Model", bound=BaseModel)


class ConfigError(PolyprefError):
    """A configuration that cannot be used."""


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]  # one, or several


class LoraConfig(BaseModel):
    """Adapters instead of all weights."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rank: int = Field(16, ge=1)
    alpha: int = Field(32, ge=1)
    targets: tuple[str, ...] = ()  # names of layers; none: all linear layers of the backbone


class InstructionConfig(BaseModel):
    """How a language model is fine-tuned."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: float = Field(1.0, gt=0)
    max_steps: int = Field(-1, ge=-1)  # −1: as many as the epochs have
    batch_size: int = Field(16, ge=1)
    learning_rate: float = Field(2e-5, gt=0)
    max_length: int = Field(1024, ge=8)
    save_steps: Optional[int] = Field(None, ge=1)  # none: every epoch
    trainer: dict[str, Any] = {}  # any other setting of TRL's SFTConfig


class TrainingConfig(BaseModel):
    """One run. Fields left out have the values given here; the resolved configuration is saved with the model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # data
    data: Names = ()  # files, hub ids or - ; none when groups are handed over in Python
    eval_data: Names = ()
    eval_share: float = Field(0.0, ge=0, lt=1)  # of the prompts, held out of `data`, when there is no eval_data
    format: Optional[str] = None
    preferred: Optional[str] = None  # domain form: the domain whose responses are preferred
    columns: dict[str, str] = {}  # which column holds a field that the format expects under another name
    skip_bad: bool = False
    pairs_from_ratings: bool = False  # derive comparisons from ratings
    anonymous: Optional[float] = Field(None, ge=0, le=1)  # name communities (domains) in all prompts but this share

    # model
    backbone: str = "embedded:minilm"  # a Hugging Face id or path, or a model of ours to go on training
    head: str = Field(default_factory=lambda: plain_head().name)
    head_settings: dict[str, Any] = {}
    objective: Optional[str] = None  # none: the head's own
    objective_settings: dict[str, Any] = {}
    prior: float = Field(0.0, ge=0)  # votes added to every label of a crowd's opinion
    smoothing: float = Field(0.0, ge=0, lt=1)  # mass moved to the next most likely label of a near-certain opinion
    imitation: float = Field(0.0, ge=0)  # weight of the language-modelling loss on the best response of each group
    max_length: int = Field(1024, ge=8)  # tokens of prompt and response together
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    attention: Literal["auto", "sdpa", "flex_attention", "eager", "flash_attention_2"] = "auto"
    quantization: Optional[Literal["4bit", "8bit"]] = None
    lora: Optional[LoraConfig] = None
    trust_remote_code: bool = False
    state_token: Literal["checkpoint", "last", "before_padding"] = "checkpoint"  # what a decoder's state is read off
    frozen: bool = False  # train the state layer alone, on features of the backbone computed once and kept

    calibrate: bool = True  # fit a temperature to the groups held out, if there are any

    # optimisation
    epochs: float = Field(1.0, gt=0)
    max_steps: int = Field(-1, ge=-1)  # −1: as many as the epochs have
    max_seconds: Optional[float] = Field(None, gt=0)  # none: as long as the steps take
    batch_size: int = Field(16, ge=1)  # groups per step and process
    accumulation: int = Field(1, ge=1)  # batches per optimiser step
    learning_rate: Optional[float] = Field(None, gt=0)  # none: 1e-4, 2e-4 with adapters, 1e-2 for frozen backbones
    state_layer_rate: float = Field(10.0, gt=0)  # the new layer learns so many times as fast as the backbone
    person_rate: float = Field(0.1, gt=0)  # how fast persons' tastes are learned, for heads that tell persons apart
    weight_decay: float = Field(0.0, ge=0)
    warmup: float = Field(0.1, ge=0, lt=1)  # share of the steps
    schedule: str = "linear"
    max_grad_norm: float = Field(1.0, gt=0)
    precision: Literal["float32", "bfloat16", "float16"] = "float32"  # of the computation; weights have `dtype`
    tokens_per_pass: Optional[int] = Field(None, ge=1)  # none: as many as fit about 2 GiB of activations
    gradient_checkpointing: bool = False
    dropout: bool = False  # the backbone's own; without it, comparisons within a group are of the texts alone
    seed: int = Field(0, ge=0)

    # watching and keeping
    out: str = "model"
    logging_steps: int = Field(10, ge=1)
    eval_steps: Optional[int] = Field(None, ge=1)  # none: after every epoch
    save_steps: Optional[int] = Field(None, ge=1)  # none: after every epoch
    keep_checkpoints: int = Field(2, ge=1)
    best_metric: Optional[str] = None  # such as accuracy or loss: the best checkpoint by it becomes the model
    patience: Optional[int] = Field(None, ge=1)  # evaluations without a better best_metric before stopping
    report_to: Names = ()  # tensorboard, wandb, trackio, …
    resume: bool = False  # go on from the last checkpoint in `out`
    overwrite: bool = False  # put the new model in the place of one in `out`, which stays until the new one is whole
    trainer: dict[str, Any] = {}  # any other setting of transformers' TrainingArguments

    @field_validator("head")
    @classmethod
    def _known_head(cls, name: str) -> str:
        from polypref.models.heads import all_heads

        if name not in all_heads():
            raise ConfigError(unknown("head", name, all_heads()))
        return name

    @field_validator("objective")
    @classmethod
    def _known_objective(cls, name: Optional[str]) -> Optional[str]:
        from polypref.objectives import all_objectives

        if name is not None and name not in all_objectives():
            raise ConfigError(unknown("objective", name, all_objectives()))
        return name

    @property
    def rate(self) -> float:
        """The learning rate in use."""
        if self.learning_rate is not None:
            return self.learning_rate
        return 1e-2 if self.frozen else 2e-4 if self.lora else 1e-4

    def to_json(self) -> str:
        """As it is saved beside the model."""
        return self.model_dump_json(indent=2, exclude={"resume", "overwrite"}) + "\n"


def read_settings(path: str | Path) -> dict[str, Any]:
    """The settings in a YAML or JSON file, not yet checked."""
    import yaml

    try:
        text = Path(path).read_text(encoding="utf-8")
        settings = json.loads(text) if str(path).endswith(".json") else yaml.safe_load(text)
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from error
    except (json.JSONDecodeError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"the configuration {path} is not valid: {' '.join(str(error).split())}") from error
    if not isinstance(settings, dict):
        raise ConfigError(f"the configuration {path} should hold settings by name, such as `head: general`")
    return settings


def make_config(settings: dict[str, Any]) -> TrainingConfig:
    """A checked configuration, or one sentence on what is wrong with it."""
    return checked(TrainingConfig, settings)


def checked(kind: type[_Model], settings: dict[str, Any]) -> _Model:
    """A model of pydantic, or one sentence on what is wrong with its settings."""
    try:
        return kind(**settings)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise ConfigError(unknown("setting", name, _innermost(kind, first["loc"][:-1]).model_fields)) from None
        if first["type"] == "missing":
            raise ConfigError(f"the setting {name} is missing") from None
        raise ConfigError(f"the setting {name} is {first['input']!r}: {first['msg'].lower()}") from None


def _innermost(kind: type[BaseModel], path: Sequence[int | str]) -> type[BaseModel]:
    """The model that a path of settings leads into."""
    for part in path:
        annotation = kind.model_fields[str(part)].annotation if part in kind.model_fields else None
        inner = [one for one in (annotation, *get_args(annotation)) if isinstance(one, type)]
        kind = next((one for one in inner if issubclass(one, BaseModel)), kind)
    return kind
