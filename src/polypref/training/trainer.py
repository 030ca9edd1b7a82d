"""The trainer: transformers' Trainer, with steps over groups and checkpoints that are ordinary models."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any, Generic

import numpy as np
import torch
from accelerate.utils import gather_object  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.utils.data import Dataset, Sampler
from transformers import PrinterCallback, TrainerCallback, TrainingArguments

from polypref.errors import PolyprefError
from polypref.evaluation.assessment import Assessor
from polypref.evaluation.catalogue import WATCHED
from polypref.evaluation.prediction import Prediction
from polypref.models.answer import Answer, StateAnswer
from polypref.models.encoder import StateEncoder
from polypref.models.lora import has_lora
from polypref.models.packing import InputT, PackEncoder, PackT
from polypref.models.preference_model import PreferenceModel
from polypref.objectives import Judgments, Objective
from polypref.statistics.resampling import Estimate
from polypref.training.data import TrainingGroup, batch_judgments
from polypref.training.fitting import calibrate, fit_persons
from polypref.training.passes import Pass, backward, in_step, plan, read_by_persons
from polypref.training.saving import SavingTrainer
from polypref.training.stepping import AcceleratedStepper

_EVALUATED = 64  # groups evaluated together
_RESAMPLES = 1000  # for the intervals of the last evaluation


class TrainingFailed(PolyprefError):
    """A run that cannot go on."""


class GroupDataset(Dataset[TrainingGroup[InputT]], Generic[InputT]):
    """Groups by number."""

    def __init__(self, groups: Sequence[TrainingGroup[InputT]]) -> None:
        self.groups = groups

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, at: int) -> TrainingGroup[InputT]:
        return self.groups[at]


def together(groups: list[TrainingGroup[InputT]]) -> dict[str, list[TrainingGroup[InputT]]]:
    """A batch; its tokens are laid out only when it is known what fits one pass."""
    return {"groups": groups}


class PreferenceTrainer(SavingTrainer, Generic[InputT, PackT]):
    """Trains the encoder of a preference model with an objective; everything else is transformers' Trainer.

    The loss of an optimiser step is Σ wℓ / Σ w over all its judgments, on all processes and in all accumulated batches;
    with imitation, plus `imitation` times the mean over its groups of −log p of a token of their best response.
    """

    def __init__(
        self,
        preference_model: PreferenceModel,
        objective: Objective,
        arguments: TrainingArguments,
        train_groups: GroupDataset[InputT],
        eval_groups: GroupDataset[InputT] | None,
        module: PackEncoder[InputT, PackT],
        tokens_per_pass: int,
        state_layer_rate: float = 1.0,
        keep_checkpoints: int = 2,
        imitation: float = 0.0,
        person_rate: float = 0.1,
        calibrate: bool = False,
        callbacks: Sequence[TrainerCallback] = (),
        sampler: Sampler[int] | None = None,
    ) -> None:
        self.sampler = sampler  # none: transformers' own
        self.preference_model = preference_model
        self.objective: Objective = objective
        self.module: PackEncoder[InputT, PackT] = module  # the encoder, or its state layer
        self.tokens_per_pass = tokens_per_pass
        self.state_layer_rate = state_layer_rate
        self.keep_checkpoints = keep_checkpoints
        self.imitation = imitation
        self.person_rate = person_rate
        self.calibrate = calibrate
        self._assessor: Assessor | None = None  # of the last evaluation
        self._imitated = _Mean()  # −log p of a token of a best response, since the last log
        super().__init__(
            model=module,
            args=arguments,
            data_collator=together,
            train_dataset=train_groups,
            eval_dataset=eval_groups,
            callbacks=list(callbacks),
        )
        self.remove_callback(PrinterCallback)  # ours say it better

    def create_accelerator_and_postprocess(self) -> None:
        """As transformers does, which would quietly copy the weights where it cannot spread them."""
        super().create_accelerator_and_postprocess()
        if self.args.fsdp and not self.is_fsdp_enabled:
            raise TrainingFailed(
                "fsdp spreads the weights over several GPUs, one a process of torchrun, and these are not there; "
                "leave fsdp out"
            )
        partly = not isinstance(self.module, StateEncoder) or has_lora(self.module.classifier)
        if partly and (self.is_fsdp_enabled or self.is_deepspeed_enabled):
            raise TrainingFailed(
                "adapters and frozen backbones are trained whole on every process; "
                "use torchrun without fsdp or deepspeed"
            )
        if self.preference_model.encoder.tastes is not None and self.args.world_size > 1:
            raise TrainingFailed(
                f"a {self.preference_model.head.name} head learns persons' tastes in one process; leave torchrun out"
            )
        if self.imitation and (self.is_fsdp_enabled or self.is_deepspeed_enabled):
            raise TrainingFailed(
                "imitation reads the embeddings whole on every process; use torchrun without fsdp or deepspeed"
            )

    def _get_train_sampler(self, train_dataset: Dataset[Any] | None = None) -> Sampler[Any] | None:
        return self.sampler if self.sampler is not None else super()._get_train_sampler(train_dataset)

    # — one step —

    def training_step(self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        """Gradients of one batch, in passes of bounded size."""
        model.train()
        head = self.preference_model.head
        weight, imitated = num_items_in_batch.tolist()
        scale = self.args.world_size / weight  # processes average their gradients
        share = self.args.world_size / max(imitated, 1.0)
        tastes = self.preference_model.encoder.tastes
        passes = self._in_step(plan(self.module, inputs["groups"], self.tokens_per_pass, head, self.objective))
        stepper: AcceleratedStepper[PackT] = AcceleratedStepper(self, model)
        losses = []
        for at, work in enumerate(passes):
            last = at == len(passes) - 1
            losses.append(backward(work, stepper, head, self.objective, scale, last, self.imitation * share, tastes))
        loss = torch.stack([part.total for part in losses]).sum()
        self._imitated.total += share * float(torch.stack([part.imitation for part in losses]).sum())
        if not torch.isfinite(loss):
            raise TrainingFailed(
                f"the loss became {loss.item()} at step {self.state.global_step + 1}; what was saved before is kept: "
                "lower the learning rate, or train in bfloat16 or float32 if this was float16"
            )
        return loss

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> Tensor:
        """Σ w of an optimiser step and how many of its groups have a response to imitate, `[2]`, over all processes."""
        groups = [group for batch in batch_samples for group in batch["groups"]]
        own = [sum(group.weight for group in groups), sum(group.imitates for group in groups)]
        self._imitated.count += 1
        return self.accelerator.reduce(torch.tensor(own, device=device, dtype=torch.float32), reduction="sum")

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """As transformers does, with what imitation adds to the loss, not yet weighted, beside it."""
        if self.imitation and "loss" in logs:
            mean = torch.tensor(self._imitated.taken(), device=self.args.device)
            logs = {
                "loss": logs.pop("loss"),
                "imitation_loss": float(self.accelerator.reduce(mean, reduction="mean")),
                **logs,
            }
        super().log(logs, start_time)

    def _in_step(self, passes: list[Pass[InputT, PackT]]) -> list[Pass[InputT, PackT]]:
        """The same numbers of packs on every process where weights are spread, for each pack is a meeting of all."""
        if not self.is_fsdp_enabled and not self.is_deepspeed_enabled:
            return passes
        shapes = gather_object([sorted((len(work.packs) for work in passes), reverse=True)])
        shape = [max(sizes) for sizes in zip_longest(*shapes, fillvalue=0)]
        shortest = min((item for work in passes for group in work.groups for item in group.inputs), key=len)
        (idle,) = self.module.packs([[shortest]], self.tokens_per_pass)
        return in_step(passes, shape, idle)

    # — optimiser —

    def create_optimizer(self, model: Any = None) -> Any:
        """The new state layer learns faster than the pretrained backbone; persons' tastes have a rate of their own."""
        encoder = self.preference_model.encoder
        if self.optimizer is None and (self.state_layer_rate != 1.0 or encoder.tastes is not None):
            rate = self.args.learning_rate
            rates = {id(parameter): rate * self.state_layer_rate for parameter in encoder.new_parameters()}
            if encoder.tastes is not None:
                rates[id(encoder.tastes.free)] = self.person_rate
            decayed = set(self.get_decay_parameter_names(self.module))
            kind, settings = self.get_optimizer_cls_and_kwargs(self.args)
            groups: dict[tuple[float, bool], list[nn.Parameter]] = defaultdict(list)
            for name, parameter in self.module.named_parameters():
                if parameter.requires_grad:
                    groups[rates.get(id(parameter), rate), name in decayed].append(parameter)
            decay = self.args.weight_decay
            parts = [
                {"params": parameters, "lr": own_rate, "weight_decay": decay if decays else 0.0}
                for (own_rate, decays), parameters in groups.items()
            ]
            self.optimizer = kind(parts, **settings)
        return super().create_optimizer(model)

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """As transformers does, but a share of the steps is rounded down: the only step of a short run learns."""
        self.args.warmup_steps = _warmup(self.args.warmup_steps, num_training_steps)
        return super().create_scheduler(num_training_steps, optimizer)

    # — evaluation —

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: list[str] | None = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Loss, accuracy, calibration and distance to the crowd's opinion on held-out groups."""
        dataset = eval_dataset or self.eval_dataset
        assert isinstance(dataset, GroupDataset)
        loss, weight = 0.0, 0.0
        parts: list[tuple[Tensor, Judgments]] = []
        seen: list[tuple[int, Tensor]] = []
        tastes = self.preference_model.encoder.tastes
        if tastes is not None:
            self.preference_model.head = self.preference_model.head.as_person(tastes.mean(self.preference_model.head))
        assessor = self._assessor = Assessor(resamples=1)  # nobody waits for intervals while a model learns
        for chunk in _chunks(range(len(dataset)), _EVALUATED):
            groups = [dataset.groups[at] for at in chunk]
            states = self._eval_states(groups)
            judgments = batch_judgments(groups, self.preference_model.head.joint).to(states[0].device)
            with torch.no_grad():
                judgments = read_by_persons(judgments, self.preference_model.head, tastes)
            losses, weights = self.objective.losses(self.preference_model.head, torch.cat(states), judgments)
            loss += float((losses * weights).sum())
            weight += float(weights.sum())
            parts.append((torch.cat(states), judgments))
            seen += zip(chunk, states)
        if self.calibrate:
            calibrate(self.preference_model, parts)
        for at, known in seen:
            assessor.add(dataset.groups[at].group, self._answer(dataset.groups[at], known))
        metrics = {f"{metric_key_prefix}_loss": loss / weight, **_headlines(assessor, metric_key_prefix)}
        best = self.args.metric_for_best_model
        if best is not None and f"{metric_key_prefix}_{best}" not in metrics:
            found = ", ".join(name.removeprefix(f"{metric_key_prefix}_") for name in metrics)
            raise TrainingFailed(f"the best_metric {best} is not defined on the held-out data; {found} are")
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    @property
    def evaluated(self) -> bool:
        """Whether this process has seen an evaluation; one before a resumed run went on is not remembered."""
        return self._assessor is not None

    def intervals(self) -> dict[str, tuple[float, float]]:
        """The 95 % intervals of the metrics of the last evaluation that have one, over prompts."""
        if self._assessor is None:
            return {}
        found = self._assessor.resampled(_RESAMPLES).assessment()
        estimates = {metric.name: metric.read(found) for metric in WATCHED}
        return {
            name: (known.low, known.high)
            for name, known in estimates.items()
            if isinstance(known, Estimate) and known.low is not None and known.high is not None
        }

    @torch.no_grad()
    def fit_persons(self, names: Sequence[str]) -> None:
        """Give the model the tastes of all persons, fitted to their votes with everything else as it is."""
        dataset = self.train_dataset
        assert isinstance(dataset, GroupDataset)
        joint = self.preference_model.head.joint
        chunks = ([dataset.groups[at] for at in chunk] for chunk in _chunks(range(len(dataset)), _EVALUATED))
        parts = ((torch.cat(self._eval_states(groups)), batch_judgments(groups, joint)) for groups in chunks)
        fit_persons(self.preference_model, parts, names)

    @torch.no_grad()
    def _eval_states(self, groups: Sequence[TrainingGroup[InputT]]) -> list[Tensor]:
        model: Any = self.model_wrapped if self.is_fsdp_enabled else self.module
        model.eval()
        rows: dict[int, Tensor] = {}
        with self.compute_loss_context_manager():
            for pack in self.module.packs([group.inputs for group in groups], self.tokens_per_pass):
                rows.update(zip(pack.members, model(pack).float().unbind()))
        flat = iter(range(len(rows)))
        return [torch.stack([rows[next(flat)] for _ in group.inputs]) for group in groups]

    def _answer(self, group: TrainingGroup[InputT], states: Tensor) -> Answer:
        head = self.preference_model.head
        if not head.joint:
            return StateAnswer(head, states, group.responses, temperature=self.preference_model.temperature)
        said = group.judgments  # the pairs nobody judged are not read, and their ½ is not looked at
        log_odds = np.zeros((group.responses, group.responses))
        log_odds[said.first, said.second] = head.log_odds(states[0::2], states[1::2]).cpu().double().numpy()
        return Prediction(log_odds=(log_odds - log_odds.T) / self.preference_model.temperature)


class _Mean:
    """Of numbers since the last time it was taken."""

    def __init__(self) -> None:
        self.total, self.count = 0.0, 0

    def taken(self) -> float:
        mean = self.total / max(self.count, 1)
        self.total, self.count = 0.0, 0
        return mean


def _headlines(assessor: Assessor, prefix: str) -> dict[str, float]:
    """The numbers worth watching during training."""
    found = assessor.assessment()
    values = {metric.name: metric.value(found) for metric in WATCHED}
    return {f"{prefix}_{name}": value for name, value in values.items() if value is not None and math.isfinite(value)}


def _warmup(given: float, steps: int) -> int:
    """Steps of warm-up; a number below 1 is a share of all steps."""
    return int(given if given >= 1 else given * steps)


def _chunks(items: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
