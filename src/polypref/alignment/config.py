"""The configuration of a run of alignment: everything that is needed to repeat it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Optional, Union

from pydantic import BaseModel, ConfigDict, Field

from polypref.training.config import InstructionConfig, LoraConfig, Names, checked


class SamplingConfig(BaseModel):
    """How the policy is sampled from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: Literal["transformers", "vllm"] = "transformers"
    vllm: dict[str, Any] = {}  # settings of its `LLM`, such as tensor_parallel_size; `memory` is the share of the GPU's
    count: int = Field(8, ge=2)  # K samples of each prompt
    max_tokens: int = Field(64, ge=1)  # of an answer
    temperature: float = Field(1.0, gt=0)
    top_p: float = Field(1.0, gt=0, le=1)
    prompts_per_batch: int = Field(8, ge=1)  # sampled together; a killed run repeats at most these


class FitConfig(BaseModel):
    """How the policy is fitted to the targets of a method, in each iteration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: float = Field(1.0, gt=0)
    batch_size: int = Field(8, ge=1)  # prompts per optimiser step and process
    learning_rate: float = Field(2e-6, gt=0)
    warmup: float = Field(0.0, ge=0, lt=1)
    schedule: str = "constant"
    max_grad_norm: float = Field(1.0, gt=0)
    weight_decay: float = Field(0.0, ge=0)
    tokens_per_pass: int = Field(1024, ge=1)  # computed at once where gradients are needed
    save_steps: int = Field(100, ge=1)  # a killed run repeats at most these


class PolicyLora(LoraConfig):
    """Adapters that learn, on one base model: the policy before alignment."""

    merge: Literal["last", "all"] = "last"  # which policies are written as whole models beside their adapters


class BestResponses(InstructionConfig):
    """Supervised fine-tuning on the best response of each group, before the first iteration."""

    data: Annotated[Names, Field(min_length=1)]


class AlignmentConfig(BaseModel):
    """One run. Fields left out have the values given here; the resolved configuration is saved in `out`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # who learns, from whom, on what
    policy: str = "embedded:smollm2"  # a causal language model
    guide: Union[str, tuple[str, ...]] = Field(min_length=1)  # one preference model that judges samples, or several
    prompts: Annotated[Names, Field(min_length=1)]  # data whose prompts are answered; what people said is not looked at
    columns: dict[str, str] = {}
    anonymous: Optional[float] = Field(None, ge=0, le=1)  # name communities (domains) in all prompts but this share
    sft: Optional[BestResponses] = None

    # by what method
    method: str = "gpo"
    method_settings: dict[str, Any] = {}  # such as beta
    reward: str = "log-odds"  # what of the guide is followed, see `GroupReward`
    share: float = Field(0.25, gt=0, le=1)  # of the crowd, for the rewards quantile and tail
    iterations: int = Field(3, ge=1)
    prompts_per_iteration: Optional[int] = Field(None, ge=1)  # none: all of them in every iteration
    sampling: SamplingConfig = SamplingConfig()
    fit: FitConfig = FitConfig()
    lora: Optional[PolicyLora] = None
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    max_length: int = Field(1024, ge=16)  # tokens of a prompt and its answer
    trust_remote_code: bool = False

    # how good it gets
    judge: Optional[str] = None  # a preference model that took no part; none: no win rates
    guide_may_judge: bool = False  # or else a judge that is the guide is refused
    eval_prompts: Names = ()
    eval_share: float = Field(0.1, ge=0, lt=1)  # of the prompts, held out where there are no eval_prompts
    eval_count: int = Field(4, ge=1)  # samples of each held-out prompt

    seed: int = Field(0, ge=0)
    out: str = "policy"

    def to_json(self) -> str:
        """As it is saved in `out`."""
        return self.model_dump_json(indent=2) + "\n"


def make_alignment_config(settings: dict[str, Any]) -> AlignmentConfig:
    """A checked configuration, or one sentence on what is wrong with it."""
    return checked(AlignmentConfig, settings)
