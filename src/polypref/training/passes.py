"""One batch of groups in forward passes of bounded size, with exactly the gradients of the undivided loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from polypref.models.heads import Head
from polypref.objectives import Objective
from polypref.training.data import TrainingGroup, batch_judgments


class Encoder(Protocol):
    """What computes states in packs: a StateEncoder, or the state layer of a frozen one."""

    def packs(self, groups: Sequence[Sequence[Any]], budget: int) -> list[Any]: ...

    def bins(self, groups: Sequence[Sequence[Any]], budget: int) -> list[list[int]]: ...


@dataclass(frozen=True, eq=False)
class Pass:
    """Groups whose loss is computed together: in one pack, or one group in several packs."""

    groups: list[TrainingGroup]
    packs: list[Any]
    idle: int = 0  # of the packs, the first so many, are computed to keep processes in step and count for nothing


def in_step(passes: Sequence[Pass], shape: Sequence[int], idle: Any) -> list[Pass]:
    """The passes with repeats of an idle pack, so that the k-th pass has `shape[k]` packs."""
    largest_first = sorted(passes, key=lambda work: -len(work.packs))
    nothing = Pass([], [])
    return [
        Pass(work.groups, [idle] * (size - len(work.packs)) + work.packs, size - len(work.packs))
        for work, size in zip([*largest_first, *[nothing] * (len(shape) - len(passes))], shape)
    ]


def plan(encoder: Encoder, groups: Sequence[TrainingGroup], budget: int) -> list[Pass]:
    """Passes of at most `budget` tokens per pack: whole groups together, longest first; a larger group by itself."""
    passes = []
    for chosen in encoder.bins([group.inputs for group in groups], budget):
        members = [groups[at] for at in chosen]
        limit = budget if len(members) == 1 else 1 << 62  # a bin of several groups fits one pack
        passes.append(Pass(members, encoder.packs([group.inputs for group in members], limit)))
    return passes


class Stepper(Protocol):
    """Computes and differentiates; `last` marks the last backward pass of a step, after which processes agree."""

    def states(self, pack: Any, last: bool) -> Tensor: ...

    def backward(self, states: Tensor, gradient: Tensor, last: bool) -> None: ...


def backward(work: Pass, stepper: Stepper, head: Head, objective: Objective, scale: float, last: bool) -> Tensor:
    """Add up the gradients of `scale` · Σ wℓ over the pass's groups; returns that number.

    First the states, then how the loss depends on each of them, then the backward passes through the encoder. Where
    the states of one group come from several packs, all but one are computed without keeping what their gradients
    need, and again with the same dropout when their turn comes (gradient caching, arXiv 2101.06983). Memory is that of
    one pack, and the gradient is that of the whole group.
    """
    early, final = work.packs[:-1], work.packs[-1]
    drawn, parts = [], []
    for pack in early:
        drawn.append(_RandomState())
        with torch.no_grad():
            parts.append(stepper.states(pack, False))
    alone = last and not early
    kept = stepper.states(final, alone)
    leaves = [states.detach().float().requires_grad_() for states in [*parts, kept]]
    loss = _loss(leaves[work.idle :], work, head, objective) * scale if work.groups else leaves[-1].sum() * 0
    gradients = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)  # idle packs are unused
    stepper.backward(kept, gradients[-1], alone)
    for at, (pack, gradient, random) in enumerate(zip(early, gradients, drawn), start=1):
        ends = last and at == len(early)
        with random.again():
            again = stepper.states(pack, ends)
        stepper.backward(again, gradient, ends)
    return loss.detach()


def _loss(parts: Sequence[Tensor], work: Pass, head: Head, objective: Objective) -> Tensor:
    """Σ wℓ over the pass's groups."""
    judgments = batch_judgments(work.groups, head.joint).to(parts[0].device)
    losses, weights = objective.losses(head, _in_order(parts, work.packs[work.idle :]), judgments)
    return (losses * weights.to(losses)).sum()


class _RandomState:
    """The state of torch's random generators at one moment, for drawing the same dropout again."""

    def __init__(self) -> None:
        self.cpu = torch.get_rng_state()
        self.gpu = torch.cuda.get_rng_state() if torch.cuda.is_available() else None

    @contextmanager
    def again(self) -> Iterator[None]:
        """Draw from that state; afterwards go on as if nothing had been drawn."""
        now = _RandomState()
        self._set()
        try:
            yield
        finally:
            now._set()

    def _set(self) -> None:
        torch.set_rng_state(self.cpu)
        if self.gpu is not None:
            torch.cuda.set_rng_state(self.gpu)


def _in_order(parts: Sequence[Tensor], packs: Sequence[Any]) -> Tensor:
    """Rows of several packs in the order of their groups: `[rows, width + gates]`."""
    members = torch.tensor([member for pack in packs for member in pack.members], device=parts[0].device)
    return torch.cat(list(parts))[members.argsort()]
