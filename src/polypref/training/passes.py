"""One batch of groups in forward passes of bounded size, with exactly the gradients of the undivided loss."""

from __future__ import annotations

from collections.abc import Sequence
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
    counts: bool = True  # False for work that only keeps processes in step


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

    def backward(self, values: Tensor, gradient: Tensor | None, last: bool) -> None: ...


def backward(work: Pass, stepper: Stepper, head: Head, objective: Objective, scale: float, last: bool) -> Tensor:
    """Add up the gradients of `scale` · Σ wℓ over the pass's groups; returns that number.

    Where the states of one group come from several packs, all but one are computed without keeping what their
    gradients need; once the loss has said how it depends on each state, they are computed again, one pack at a time
    (gradient caching, arXiv 2101.06983). Memory is that of one pack, and the gradient is that of the whole group.
    """
    early, final = work.packs[:-1], work.packs[-1]
    with torch.no_grad():
        cached = [stepper.states(pack, False).float() for pack in early]
    for states in cached:
        states.requires_grad_()
    alone = last and not early
    parts = [*cached, stepper.states(final, alone).float()]
    judgments = batch_judgments(work.groups, head.joint).to(parts[0].device)
    losses, weights = objective.losses(head, _in_order(parts, work.packs), judgments)
    loss = (losses * weights.to(losses)).sum() * scale
    stepper.backward(loss, None, alone)
    for at, (pack, states) in enumerate(zip(early, cached), start=1):
        ends = last and at == len(early)
        assert states.grad is not None
        stepper.backward(stepper.states(pack, ends), states.grad, ends)
    return loss.detach()


def _in_order(parts: Sequence[Tensor], packs: Sequence[Any]) -> Tensor:
    """Rows of several packs in the order of their groups: `[rows, width + gates]`."""
    members = torch.tensor([member for pack in packs for member in pack.members], device=parts[0].device)
    return torch.cat(list(parts))[members.argsort()]
