"""Packing: which inputs are computed together, as one row of trees (decoders) or as padded rows (encoders)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from polypref.models.attention import Branching, Row
from polypref.models.inputs import Input

Ints = NDArray[np.int64]

_WORTH_A_PASS = 512  # tokens, beside whose arithmetic what a pass costs by itself is little
_LEAST_FILLED = 0.7  # of a padded row, in a pass that is worth it without that row


class Packed(Protocol):
    """What one forward pass computes."""

    @property
    def members(self) -> tuple[int, ...]:
        """Which inputs, as the caller counts them, in the order of the states."""
        ...


InputT = TypeVar("InputT", bound=Sized)  # tokens, or features that were computed from them
PackT = TypeVar("PackT", bound=Packed)


class PackEncoder(nn.Module, ABC, Generic[InputT, PackT]):
    """Computes the states of inputs, pack by pack."""

    @abstractmethod
    def forward(self, pack: PackT) -> Tensor:
        """States of the pack's inputs, `[n, state_width]`."""

    @abstractmethod
    def packs(self, groups: Sequence[Sequence[InputT]], budget: int) -> list[PackT]:
        """The inputs of several groups as packs of at most `budget` tokens (or one input); members count the inputs
        through all groups."""

    @abstractmethod
    def bins(self, groups: Sequence[Sequence[InputT]], budget: int) -> list[list[int]]:
        """Which groups fit one pack of at most `budget` tokens together, longest first; a larger group stands alone."""


@dataclass(frozen=True, eq=False)
class Tree:
    """Inputs that begin alike: the tokens they share, computed once, and what each adds, at least one token."""

    members: tuple[int, ...]  # which inputs, as the caller counts them
    inputs: tuple[Input, ...]
    prefix: int  # length of what they share

    @property
    def tokens(self) -> int:
        """How many tokens are computed."""
        return self.prefix + sum(len(item.tokens) - self.prefix for item in self.inputs)

    def split(self, budget: int) -> list[Tree]:
        """Trees of at most `budget` tokens, or of one input where that alone is longer; each repeats the prefix."""
        if self.tokens <= budget:
            return [self]
        parts: list[list[int]] = [[]]
        used = self.prefix
        for at, item in sorted(enumerate(self.inputs), key=lambda entry: len(entry[1].tokens)):
            length = len(item.tokens) - self.prefix
            if parts[-1] and used + length > budget:
                parts.append([])
                used = self.prefix
            parts[-1].append(at)
            used += length
        return [_tree([(self.members[at], self.inputs[at]) for at in part]) for part in parts]


def trees_of(inputs: Sequence[Input], members: Sequence[int]) -> list[Tree]:
    """The inputs of one group as trees: those whose prompt is whole share it; one whose prompt is cut stands alone,
    for it begins elsewhere."""
    whole = [(member, item) for member, item in zip(members, inputs) if not item.cut]
    cut = [(member, item) for member, item in zip(members, inputs) if item.cut]
    return [_tree(part) for part in ([whole] if whole else []) + [[entry] for entry in cut]]


def _tree(entries: Sequence[tuple[int, Input]]) -> Tree:
    inputs = tuple(item for _, item in entries)
    return Tree(tuple(member for member, _ in entries), inputs, _shared_prefix([item.tokens for item in inputs]))


def _shared_prefix(sequences: Sequence[NDArray[np.int32]]) -> int:
    """How many tokens all sequences begin with in common, leaving each at least one of its own; 0 for one sequence."""
    if len(sequences) < 2:
        return 0
    shared = min(len(tokens) for tokens in sequences) - 1
    first = sequences[0]
    for tokens in sequences[1:]:
        differs = np.flatnonzero(tokens[:shared] != first[:shared])
        shared = int(differs[0]) if len(differs) else shared
    return shared


@dataclass(frozen=True, eq=False)
class Foretold:
    """The m tokens of a pack's responses that are to be foretold, each from all that comes before it."""

    inputs: Tensor  # [m], the input that each is part of, among the different ones
    alike: Tensor  # [n], which of the different inputs each input of the pack is
    tokens: Tensor  # [m]
    before: Tensor  # [m, 2], row and column of the token that comes before


@dataclass(frozen=True, eq=False)
class Pack:
    """What one forward pass computes: n inputs, laid out for the model; equal ones may be computed once."""

    members: tuple[int, ...]  # the n inputs, as the caller counts them, in the order of the pack
    input_ids: Tensor  # [1, T] for a row of trees, [rows, L] for padded rows
    ends: Tensor  # [n, 2], row and column of the token that each input's logits are read off
    prompts: Tensor  # [n, 2], row and column of the prompt's last token
    position_ids: Tensor | None = None  # [1, T], for a row of trees
    row: Row | None = None
    attention_mask: Tensor | None = None  # [rows, L], for padded rows
    token_type_ids: Tensor | None = None  # [rows, L], where the model has them
    foretold: Foretold | None = None  # None: none of the responses are

    @property
    def tokens(self) -> int:
        """How many tokens are computed, padding included."""
        return self.input_ids.numel()


def pack_trees(trees: Sequence[Tree], pad: int | None, device: torch.device) -> Pack:
    """Several trees end to end in one row."""
    ids, positions, ends, prompts = [], [], [], []
    before: list[list[tuple[int, int]]] = []
    at = 0
    for tree in trees:
        start = at
        ids.append(tree.inputs[0].tokens[: tree.prefix])
        positions.append(np.arange(tree.prefix))
        at += tree.prefix
        for item in tree.inputs:
            own = item.tokens[tree.prefix :]
            ids.append(own)
            positions.append(np.arange(tree.prefix, len(item.tokens)))
            # the i-th token of the input lies in the shared prefix or among its own
            ends.append(_place(_last_token(item, pad), tree.prefix, start, at))
            prompts.append(_place(max(item.boundary - 1, 0), tree.prefix, start, at))
            before.append([(0, _place(index - 1, tree.prefix, start, at)) for index in _foretold(item)])
            at += len(own)
    branchings = tuple(Branching(t.prefix, tuple(len(item.tokens) - t.prefix for item in t.inputs)) for t in trees)
    return Pack(
        members=tuple(member for tree in trees for member in tree.members),
        input_ids=_tensor(np.concatenate(ids)[None], device),
        ends=_tensor(np.array([(0, end) for end in ends]), device),
        prompts=_tensor(np.array([(0, prompt) for prompt in prompts]), device),
        position_ids=_tensor(np.concatenate(positions)[None], device),
        row=Row(branchings, device),
        foretold=_of_all([item for tree in trees for item in tree.inputs], before, device),
    )


def _foretold(item: Input) -> range:
    """Which of the tokens are to be foretold."""
    return item.answer if item.foretold else range(0)


def _of_all(
    inputs: Sequence[Input], before: Sequence[Sequence[tuple[int, int]]], device: torch.device
) -> Foretold | None:
    """The tokens to be foretold, given for each input where those before them lie."""
    if not any(before):
        return None
    return Foretold(
        inputs=_tensor(np.repeat(np.arange(len(inputs)), [len(places) for places in before]), device),
        alike=_tensor(np.arange(len(inputs)), device),
        tokens=_tensor(np.concatenate([item.tokens[list(_foretold(item))] for item in inputs]), device),
        before=_tensor(np.array([place for places in before for place in places]), device),
    )


def _place(index: int, prefix: int, start: int, own: int) -> int:
    return start + index if index < prefix else own + index - prefix


def _last_token(item: Input, pad: int | None) -> int:
    """Where vanilla reads a decoder's logits: the last token that is not the padding token, if that is named."""
    if pad is None:
        return len(item.tokens) - 1
    other = np.flatnonzero(item.tokens != pad)
    return int(other[-1]) if len(other) else 0


def pack_rows(
    inputs: Sequence[Input], members: Sequence[int], pad: int | None, segments: bool, device: torch.device
) -> Pack:
    """One input a row, padded on the right."""
    length = max(len(item.tokens) for item in inputs)
    ids = np.full((len(inputs), length), 0 if pad is None else pad, dtype=np.int64)  # the mask hides which
    mask = np.zeros((len(inputs), length), dtype=np.int64)
    types = np.zeros((len(inputs), length), dtype=np.int64)
    for at, item in enumerate(inputs):
        ids[at, : len(item.tokens)] = item.tokens
        mask[at, : len(item.tokens)] = 1
        types[at, item.boundary + 1 : len(item.tokens)] = 1  # the separator still belongs to the prompt
    before = [[(at, index - 1) for index in _foretold(item)] for at, item in enumerate(inputs)]
    return Pack(
        members=tuple(members),
        input_ids=_tensor(ids, device),
        ends=_tensor(np.array([(at, _last_token(item, pad)) for at, item in enumerate(inputs)]), device),
        prompts=_tensor(np.array([(at, max(item.boundary - 1, 0)) for at, item in enumerate(inputs)]), device),
        attention_mask=_tensor(mask, device),
        token_type_ids=_tensor(types, device) if segments else None,
        foretold=_of_all(inputs, before, device),
    )


def distinct(inputs: Sequence[Input]) -> dict[int, list[int]]:
    """The first of each different input of a group, and those that are the same as it."""
    first: dict[tuple[bytes, int, bool], int] = {}
    found: dict[int, list[int]] = {}
    for at, item in enumerate(inputs):
        original = first.setdefault((item.tokens.tobytes(), item.boundary, item.foretold), at)
        if original == at:
            found[at] = []
        else:
            found[original].append(at)
    return found


def with_copies(pack: Pack, copies: Mapping[int, Sequence[int]]) -> Pack:
    """The pack with more members, which read what they ask for where the member they are copies of reads its own."""
    if not any(copies.get(member) for member in pack.members):
        return pack
    same = [(member, *copies.get(member, ())) for member in pack.members]
    sizes = torch.tensor([len(members) for members in same], device=pack.ends.device)
    foretold = pack.foretold
    if foretold is not None:
        foretold = replace(foretold, alike=foretold.alike.repeat_interleave(sizes))
    return replace(
        pack,
        members=tuple(member for members in same for member in members),
        ends=pack.ends.repeat_interleave(sizes, 0),
        prompts=pack.prompts.repeat_interleave(sizes, 0),
        foretold=foretold,
    )


def _tensor(values: NDArray[np.integer], device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.int64)).to(device)


def fill_by_tokens(costs: Iterable[int], budget: int) -> list[list[int]]:
    """Which items go together, longest first, so that each bin holds at most `budget` tokens or a single item."""
    order = sorted(enumerate(costs), key=lambda entry: -entry[1])
    bins: list[list[int]] = []
    left = 0
    for at, cost in order:
        if not bins or cost > left:
            bins.append([])
            left = budget
        bins[-1].append(at)
        left -= cost
    return bins


def fill_padded(lengths: Sequence[int], budget: int, rows: Sequence[int] | None = None) -> list[list[int]]:
    """Which items go together, longest first, so that each padded batch holds at most `budget` tokens or one item.

    A batch that is worth a pass of its own takes no much shorter item, which would be padded: of few items, lengths
    differ much. An item has `rows` inputs, of which the longest has `lengths` tokens; one input unless told.
    """
    order = sorted(range(len(lengths)), key=lambda at: -lengths[at])
    bins: list[list[int]] = []
    filled = 0
    for at in order:
        own = 1 if rows is None else rows[at]
        longest = lengths[bins[-1][0]] if bins else 0
        is_ragged = longest * filled >= _WORTH_A_PASS and lengths[at] < _LEAST_FILLED * longest
        if not bins or is_ragged or longest * (filled + own) > budget:
            bins.append([])
            filled = 0
        bins[-1].append(at)
        filled += own
    return bins
