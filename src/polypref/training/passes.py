"""One batch of groups in forward passes of bounded size, with exactly the gradients of the undivided loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from polypref.models.heads import Head
from polypref.models.packing import InputT, Packed, PackEncoder, PackT
from polypref.models.tastes import Tastes
from polypref.objectives import Judgments, Objective
from polypref.training.data import TrainingGroup, batch_judgments

ReadT = TypeVar("ReadT", bound=Packed, contravariant=True)


@dataclass(frozen=True, eq=False)
class Pass(Generic[InputT, PackT]):
    """Groups whose loss is computed together: in one pack, or one group in several packs.

    The first so many packs are `early`: judgments compare their responses with those of several packs. No judgment
    compares responses of two packs that are not early.
    """

    groups: list[TrainingGroup[InputT]]
    packs: list[PackT]
    early: int = 0
    idle: int = 0  # of the early packs, the first so many, are computed to keep processes in step and count for nothing


def in_step(passes: Sequence[Pass[InputT, PackT]], shape: Sequence[int], idle: PackT) -> list[Pass[InputT, PackT]]:
    """The passes with repeats of an idle pack, so that the k-th pass has `shape[k]` packs, all but the last early."""
    largest_first = sorted(passes, key=lambda work: -len(work.packs))
    nothing: Pass[InputT, PackT] = Pass([], [])
    return [
        Pass(work.groups, [idle] * (size - len(work.packs)) + work.packs, size - 1, size - len(work.packs))
        for work, size in zip([*largest_first, *[nothing] * (len(shape) - len(passes))], shape)
    ]


def plan(
    encoder: PackEncoder[InputT, PackT],
    groups: Sequence[TrainingGroup[InputT]],
    budget: int,
    head: Head,
    objective: Objective,
) -> list[Pass[InputT, PackT]]:
    """Passes of at most `budget` tokens per pack: whole groups together, longest first; a larger group by itself."""
    passes = []
    for chosen in encoder.bins([group.inputs for group in groups], budget):
        members = [groups[at] for at in chosen]
        limit = budget if len(members) == 1 else 1 << 62  # a bin of several groups fits one pack
        packs = encoder.packs([group.inputs for group in members], limit)
        early = _early(packs, batch_judgments(members, head.joint), objective)
        later = [at for at in range(len(packs)) if at not in early]
        passes.append(Pass(members, [packs[at] for at in [*early, *later]], len(early)))
    return passes


def _early(packs: Sequence[Packed], judgments: Judgments, objective: Objective) -> list[int]:
    """Packs such that no judgment spans two of the others: few, but not always the fewest."""
    if objective.spans_groups:
        return list(range(len(packs) - 1))
    neighbours: list[set[int]] = [set() for _ in packs]
    if objective.uses == "comparisons":
        place = _place_of_rows(packs)
        first, second = judgments.rows
        for one, other in set(zip(place[first].tolist(), place[second].tolist())):
            neighbours[one].add(other)
            neighbours[other].add(one)
    later: set[int] = set()
    for at in sorted(range(len(packs)), key=lambda at: len(neighbours[at])):
        if not later & (neighbours[at] - {at}):
            later.add(at)
    return [at for at in range(len(packs)) if at not in later]


def _place_of_rows(packs: Sequence[Packed]) -> Tensor:
    """Which pack each row of the states comes from, `[rows]`."""
    places = [at for at, pack in enumerate(packs) for _ in pack.members]
    return torch.tensor(places)[_members(packs).argsort()]


def _members(packs: Sequence[Packed]) -> Tensor:
    return torch.tensor([member for pack in packs for member in pack.members], dtype=torch.long)


class Stepper(Protocol[ReadT]):
    """Computes and differentiates; `last` marks the last backward pass of a step, after which processes agree."""

    def states(self, pack: ReadT, last: bool) -> Tensor: ...

    def backward(self, states: Tensor, gradient: Tensor, last: bool) -> None: ...


class Losses(NamedTuple):
    """Of one pass."""

    total: Tensor  # what was differentiated
    imitation: Tensor  # Σ −log p of the imitated responses, each per token; not yet weighted


def backward(
    work: Pass[InputT, PackT],
    stepper: Stepper[PackT],
    head: Head,
    objective: Objective,
    scale: float,
    last: bool,
    imitation: float = 0.0,
    tastes: Tastes | None = None,
) -> Losses:
    """Add up the gradients of `scale` · Σ wℓ + `imitation` · Σ −log p over the pass's groups; returns these numbers.

    First the states of early packs, without keeping what their gradients need. Then, for each of the other packs: its
    states, how the losses of its judgments depend on these and on early states, and the backward pass through the
    encoder. At last the early packs again, with the same dropout, and backward (gradient caching, arXiv 2101.06983).
    Memory is that of one pack, and the gradient is that of the whole group. `tastes` are those of the persons whose
    votes these are, if each is read with their own.
    """
    early, others = work.packs[: work.early], work.packs[work.early :]
    drawn, known = [], []
    for pack in early:
        drawn.append(_RandomState())
        with torch.no_grad():
            known.append(_leaf(stepper.states(pack, False)))
    read = _Reading(work, head, objective, tastes)
    free = [] if tastes is None else [tastes.free]
    total = imitated = torch.zeros(())
    gradients = [torch.zeros_like(states) for states in known]
    for at, pack in enumerate(others):
        alone = last and not early and at == len(others) - 1
        kept = stepper.states(pack, alone)
        leaves = [*known, _leaf(kept)]
        preference, foretold = read.losses(leaves, at)
        loss = preference * scale + foretold * imitation
        found = torch.autograd.grad(loss, [*leaves, *free], allow_unused=True, materialize_grads=True)
        *of_early, own = found[: len(leaves)]
        for parameter, gradient in zip(free, found[len(leaves) :]):
            stepper.backward(parameter, gradient, False)
        stepper.backward(kept, own, alone)
        gradients = [sum_ + more for sum_, more in zip(gradients, of_early)]
        total, imitated = total + loss.detach(), imitated + foretold.detach()
    for at, (pack, gradient, random) in enumerate(zip(early, gradients, drawn), start=1):
        ends = last and at == len(early)
        with random.again():
            again = stepper.states(pack, ends)
        stepper.backward(again, gradient, ends)
    return Losses(total, imitated)


def _leaf(states: Tensor) -> Tensor:
    return states.detach().float().requires_grad_()


class _Reading(Generic[InputT, PackT]):
    """The losses of a pass, each judgment read with one of the packs that are not early."""

    def __init__(self, work: Pass[InputT, PackT], head: Head, objective: Objective, tastes: Tastes | None) -> None:
        self.work = work
        self.tastes = tastes
        self.head = head
        self.objective = objective
        if not work.groups:
            return
        packs = work.packs[work.idle :]
        early = work.early - work.idle
        self.judgments = batch_judgments(work.groups, head.joint)
        place = (_place_of_rows(packs) - early).clamp(min=0)  # what is about early packs alone is read with the first
        first, second = self.judgments.rows
        rated = place[self.judgments.rated]
        self.reader = torch.maximum(place[first], place[second]) if objective.uses == "comparisons" else rated
        if objective.spans_groups:
            self.reader = torch.zeros_like(self.reader)
        self.members = [_members(packs[:early]), *(_members([pack]) for pack in packs[early:])]

    def losses(self, leaves: Sequence[Tensor], at: int) -> tuple[Tensor, Tensor]:
        """Σ wℓ of the judgments read with the `at`-th pack that is not early, and Σ −log p of what it imitates.

        `leaves` are the states of the early packs and of this one; what early packs imitate counts with the first.
        """
        if not self.work.groups:
            return leaves[-1].sum() * 0, leaves[-1].new_zeros(())
        leaves = leaves[self.work.idle :]
        width, device = self.head.state_width, leaves[0].device
        rows = torch.cat([self.members[0], self.members[at + 1]]).to(device)
        total = sum(len(members) for members in self.members)
        states = leaves[0].new_zeros(total, width)  # of the packs whose turn is another, not looked at
        states = states.index_copy(0, rows, torch.cat([leaf[:, :width] for leaf in leaves]))
        judgments = read_by_persons(self.judgments.to(device), self.head, self.tastes)
        losses, weights = self.objective.losses(self.head, states, judgments)
        weights = weights * (self.reader == at).to(weights)
        imitating = leaves if at == 0 else leaves[-1:]
        imitated = torch.stack([leaf[:, width:].sum() for leaf in imitating])  # the column of imitation, if any
        return (losses * weights.to(losses)).sum(), imitated.sum()


def read_by_persons(judgments: Judgments, head: Head, tastes: Tastes | None) -> Judgments:
    """The judgments, each to be read with the taste of the person whose it is, if tastes are known."""
    if tastes is None or judgments.person is None:
        return judgments
    return replace(judgments, tastes=tastes.of(head, judgments.person))


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
