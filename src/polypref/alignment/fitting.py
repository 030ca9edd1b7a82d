"""Fitting a language model to the targets of a method: the regression of `methods`, on samples."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import get_scheduler

from polypref.alignment.config import FitConfig
from polypref.alignment.fit_checkpoints import FitCheckpoints
from polypref.alignment.methods import Look, Method
from polypref.alignment.regression import Regression
from polypref.alignment.samples import Samples
from polypref.errors import PolyprefError
from polypref.models.causal import LanguageModel
from polypref.models.inputs import Input
from polypref.models.packing import Pack

_LEAST_MASS = 1e-30  # of an opponent, so that a policy that left all samples behind still plays somebody
_TRIAL, _OPPONENTS = "trial", "opponents"  # files of a fit with a half-step


class FitFailed(PolyprefError):
    """A fit that cannot go on."""


@dataclass(frozen=True)
class FitStep:
    """What one step of the optimiser saw, before it moved."""

    loss: float
    target: float  # root mean square of the targets, in nats
    achieved: float | None  # the slope of what was achieved on them, 1 where they are met; None where all are 0


def fit(
    model: LanguageModel,
    method: Method,
    samples: Sequence[Samples],
    past: Sequence[str],
    reference: str,
    iteration: int,
    settings: FitConfig,
    room: int,
    seed: int = 0,
    checkpoints: FitCheckpoints | None = None,
) -> list[FitStep]:
    """Minimise the method's regression over the samples; the model, all of it or its adapters, is changed.

    Prompts are cut as they were when answers of at most `room` tokens were drawn. `past` names the policies whose
    log-probabilities the samples hold, newest first, and `reference` that of the reference. A method with a half-step
    is fitted twice from the same weights, the second time with the opponents of the first fit. With `checkpoints` a fit
    that was killed goes on from the last of them, if the model is as it was when the fit began.
    """
    looks = [look_at(one, method, past, reference, iteration) for one in samples]
    if not method.half_step:
        return fit_regressions(model, samples, _regressions(method, looks), settings, room, seed, checkpoints)
    met = checkpoints.kept(_OPPONENTS) if checkpoints else None
    if met is None:
        met = _met_by_trial(model, method, samples, looks, settings, room, seed, checkpoints)
    asked = [_against(look, opponent) for look, opponent in zip(looks, met)]
    return fit_regressions(model, samples, _regressions(method, asked), settings, room, seed, checkpoints)


def _regressions(method: Method, looks: Sequence[Look]) -> list[Regression]:
    return [method.regression(look) for look in looks]


def _met_by_trial(
    model: LanguageModel,
    method: Method,
    samples: Sequence[Samples],
    looks: Sequence[Look],
    settings: FitConfig,
    room: int,
    seed: int,
    checkpoints: FitCheckpoints | None,
) -> list[Tensor]:
    """What the policy after a half-step finds of the samples; the model is as before."""
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    before = [parameter.detach().clone() for parameter in weights]
    fit_regressions(model, samples, _regressions(method, looks), settings, room, seed, checkpoints, _TRIAL)
    met = log_probs_of(model, samples, settings.tokens_per_pass, room)
    with torch.no_grad():
        for parameter, value in zip(weights, before):
            parameter.copy_(value)
    if checkpoints:
        checkpoints.keep(_OPPONENTS, met)
    return met


def look_at(one: Samples, method: Method, past: Sequence[str], reference: str, iteration: int) -> Look:
    """What a method sees of the samples of one prompt, which were drawn from the newest of the `past` policies."""
    k = len(one)
    assert one.log_odds is not None
    log_odds = torch.from_numpy(np.asarray(one.log_odds, dtype=np.float64))
    history = tuple(torch.tensor(one.log_probs[name], dtype=torch.double) for name in past)
    known = torch.tensor(one.log_probs[reference], dtype=torch.double)
    drawn_from = history[0] if method.samples == "policy" else known
    weights = method.opponents(len(history))
    factors = sum(
        (share * (policy - drawn_from).exp() for share, policy in zip(weights, history)), start=torch.zeros(k).double()
    )
    return Look(
        iteration=iteration,
        weight=torch.full((k,), 1 / k, dtype=torch.double),
        opponents=_others(factors),
        log_odds=log_odds,
        preferences=log_odds.sigmoid(),
        reference=known,
        history=history,
        length=torch.tensor([len(tokens) for tokens in one.tokens], dtype=torch.double),
        rewards=None if one.rewards is None else torch.from_numpy(np.asarray(one.rewards, dtype=np.float64)),
    )


def _others(factors: Tensor) -> Tensor:
    """Rows of opponents `[K, K]`: the other samples, each as likely as its factor says."""
    rows = factors.clamp(min=_LEAST_MASS).expand(len(factors), -1).clone()
    rows.fill_diagonal_(0.0)
    return rows / rows.sum(dim=1, keepdim=True)


def _against(look: Look, opponent: Tensor) -> Look:
    """The same samples, compared with those of another policy, of which the log-probabilities are given."""
    moved = opponent.double() - look.policy
    return Look(**{**vars(look), "opponents": _others((moved - moved.max()).exp())})


def inputs_of(model: LanguageModel, one: Samples, room: int) -> list[Input]:
    """The prompt and each sample, token by token as it was emitted; the prompt is cut as it was then."""
    prompt = model.prompt_tokens(one.group.prompt, room)
    return [model.continued(prompt, tokens) for tokens in one.tokens]


@torch.no_grad()
def log_probs_of(model: LanguageModel, samples: Sequence[Samples], budget: int, room: int) -> list[Tensor]:
    """How likely a policy is to give each sample, `[K]` for each prompt."""
    model.eval()
    found = []
    for one in samples:
        packs = model.packs([inputs_of(model, one, room)], budget)
        found.append(_gathered(packs, [model(pack).total for pack in packs]).double().cpu())
    return found


def fit_regressions(
    model: LanguageModel,
    samples: Sequence[Samples],
    regressions: Sequence[Regression],
    settings: FitConfig,
    room: int,
    seed: int = 0,
    checkpoints: FitCheckpoints | None = None,
    name: str = "fit",
) -> list[FitStep]:
    """Minimise one regression for each prompt over its samples; the model, all of it or its adapters, is changed."""
    named = {key: parameter for key, parameter in model.named_parameters() if parameter.requires_grad}
    weights = list(named.values())
    optimizer = torch.optim.AdamW(weights, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    batches = list(_batches(len(samples), settings, seed))
    kind = "constant_with_warmup" if settings.warmup and settings.schedule == "constant" else settings.schedule
    scheduler = get_scheduler(kind, optimizer, int(settings.warmup * len(batches)), num_training_steps=len(batches))
    model.train()
    done = checkpoints.read(name, named, optimizer, scheduler) if checkpoints else []
    steps = [FitStep(**step) for step in done]
    for batch in batches[len(steps) :]:
        optimizer.zero_grad(set_to_none=True)
        losses, told = [], []
        for at in batch:
            regression = regressions[at]
            packs = model.packs([inputs_of(model, samples[at], room)], settings.tokens_per_pass)
            loss, log_policy = _backward(model, packs, regression, 1 / len(batch))
            losses.append(loss)
            told.append(regression.nats(log_policy))
        step = FitStep(sum(losses), *_achieved(told))
        if not math.isfinite(step.loss):
            raise FitFailed(
                f"the loss became {step.loss} at step {len(steps) + 1} of the fit; earlier iterations are kept: lower "
                "fit.learning_rate, or raise beta so that targets are smaller"
            )
        if not torch.isfinite(torch.nn.utils.clip_grad_norm_(weights, settings.max_grad_norm)):
            raise FitFailed(
                f"the gradient became infinite at step {len(steps) + 1} of the fit: lower fit.learning_rate"
            )
        optimizer.step()
        scheduler.step()
        steps.append(step)
        if checkpoints and len(steps) % checkpoints.every == 0 and len(steps) < len(batches):
            checkpoints.write(name, named, optimizer, scheduler, [asdict(step) for step in steps])
    model.eval()
    return steps


def _batches(count: int, settings: FitConfig, seed: int) -> Iterator[list[int]]:
    """Which prompts each step sees; every epoch in another order."""
    rng = np.random.default_rng(seed)
    left = max(round(settings.epochs * count), 1)
    while left > 0:
        order = rng.permutation(count)[:left].tolist()
        for start in range(0, len(order), settings.batch_size):
            yield order[start : start + settings.batch_size]
        left -= len(order)


def _backward(
    model: LanguageModel, packs: Sequence[Pack], regression: Regression, scale: float
) -> tuple[float, Tensor]:
    """Add up the gradients of the loss of one prompt; the loss, weighed, and the log-probabilities it was of, `[K]`.

    All samples enter the loss together. Where they are in several packs, their log-probabilities are computed without
    gradients first, and then pack by pack with the gradient of the loss by each of them.
    """
    if len(packs) == 1:
        log_policy = _gathered(packs, [model(packs[0]).total])
        loss = regression.loss(log_policy.double()) * scale
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach()), log_policy.detach().double()
    with torch.no_grad():
        known = _gathered(packs, [model(pack).total for pack in packs])
    leaf = known.double().requires_grad_()
    loss = regression.loss(leaf) * scale
    (gradient,) = torch.autograd.grad(loss, leaf)
    for pack in packs:
        own = gradient[list(pack.members)].to(known)
        (model(pack).total * own).sum().backward()
    return float(loss.detach()), leaf.detach()


def _gathered(packs: Sequence[Pack], totals: Sequence[Tensor]) -> Tensor:
    """Of packs of one prompt, `[K]` in the order of its samples."""
    members = [member for pack in packs for member in pack.members]
    order = torch.tensor(members, device=totals[0].device).argsort()
    return torch.cat(list(totals))[order]


def _achieved(told: Sequence[tuple[Tensor, Tensor]]) -> tuple[float, float | None]:
    """Root mean square of targets, and the slope of what was achieved on them."""
    target, reached = (torch.cat([pair[side].flatten().double().cpu() for pair in told]) for side in (0, 1))
    size = float(target.square().sum())
    return math.sqrt(size / max(len(target), 1)), float((target * reached).sum()) / size if size else None


def mean_step(steps: Sequence[FitStep]) -> Mapping[str, float | None]:
    """Of the steps of a fit: the loss at both ends, the targets, and what was achieved at the end."""
    tail = steps[-max(len(steps) // 5, 1) :]
    achieved = [step.achieved for step in tail if step.achieved is not None]
    return {
        "steps": len(steps),
        "first_loss": steps[0].loss,
        "last_loss": float(np.mean([step.loss for step in tail])),
        "target": float(np.mean([step.target for step in tail])),
        "achieved": float(np.mean(achieved)) if achieved else None,
    }
