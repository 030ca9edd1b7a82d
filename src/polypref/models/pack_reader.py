"""Reading inputs in packs: what is computed together, and each prompt once where the architecture allows it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from polypref.models.inputs import Input
from polypref.models.packing import (
    Pack,
    distinct,
    fill_by_tokens,
    fill_padded,
    pack_rows,
    pack_trees,
    trees_of,
    with_copies,
)


class PackReader(nn.Module, ABC):
    """A model of transformers that computes packs of inputs: states of responses, or how likely they are."""

    def __init__(self, pad: int | None, segments: bool) -> None:
        super().__init__()
        self.pad = pad  # not read at the end of a text; None: whatever stands there is
        self.segments = segments
        self.shares_prompts = False  # see sharing.py
        self.reads_alone = False  # whether one input is read at a time, see reading.py

    @property
    @abstractmethod
    def model(self) -> Any:
        """The model of transformers."""

    @property
    @abstractmethod
    def may_share(self) -> bool:
        """Whether what is asked of the model is made of its last hidden states, token by token."""

    @abstractmethod
    def trial(self, pack: Pack) -> Tensor:
        """One row for each input, `[n, …]`, by which two ways of reading are compared."""

    @property
    def device(self) -> torch.device:
        return self.model.device

    def packs(self, groups: Sequence[Sequence[Input]], budget: int) -> list[Pack]:
        """The inputs of several groups as packs of at most `budget` tokens (or one input); members count the inputs
        through all groups."""
        copies: dict[int, list[int]] = {}
        firsts: list[list[int]] = []
        flat = [item for inputs in groups for item in inputs]
        start = 0
        for inputs in groups:
            own = {start + at: [start + copy for copy in same] for at, same in distinct(inputs).items()}
            firsts.append(list(own))
            copies |= own
            start += len(inputs)
        return [with_copies(pack, copies) for pack in self._packs_of(flat, firsts, budget)]

    def _packs_of(self, inputs: Sequence[Input], groups: Sequence[Sequence[int]], budget: int) -> list[Pack]:
        """The inputs that the groups name as packs."""
        if self.shares_prompts:
            trees = [
                part
                for members in groups
                for tree in trees_of([inputs[member] for member in members], members)
                for part in tree.split(budget)
            ]
            bins = fill_by_tokens([tree.tokens for tree in trees], budget)
            return [pack_trees([trees[at] for at in filled], self.pad, self.device) for filled in bins]
        filled = []
        for members in self._alike(inputs, [member for group in groups for member in group]):
            bins = fill_padded([len(inputs[member].tokens) for member in members], 1 if self.reads_alone else budget)
            filled += [[members[at] for at in chosen] for chosen in bins]
        return [
            pack_rows([inputs[member] for member in row], row, self.pad, self.segments, self.device) for row in filled
        ]

    def _alike(self, inputs: Sequence[Input], members: Sequence[int]) -> list[list[int]]:
        """The members that may stand in one batch: BART, T5 and their kin want as many end tokens in each row."""
        if not self.model.config.is_encoder_decoder:
            return [list(members)]
        end = self.model.config.get_text_config(decoder=True).eos_token_id
        parts: dict[int, list[int]] = {}
        for member in members:
            parts.setdefault(int(np.isin(inputs[member].tokens, end).sum()), []).append(member)
        return list(parts.values())

    def bins(self, groups: Sequence[Sequence[Input]], budget: int) -> list[list[int]]:
        """Which groups fit one pack of at most `budget` tokens together, longest first; a larger group stands alone."""
        firsts = [[inputs[at] for at in distinct(inputs)] for inputs in groups]
        if self.shares_prompts:
            trees = [trees_of(inputs, range(len(inputs))) for inputs in firsts]
            return fill_by_tokens([sum(tree.tokens for tree in parts) for parts in trees], budget)
        if self.reads_alone:
            return fill_by_tokens([sum(len(item.tokens) for item in inputs) for inputs in firsts], budget)
        longest = [max((len(item.tokens) for item in inputs), default=0) for inputs in firsts]
        return fill_padded(longest, budget, [len(inputs) for inputs in firsts])

    def hidden(self, pack: Pack) -> Tensor:
        """Last hidden states of a decoder: `[1, T, hidden]`, or `[n, L, hidden]` for padded rows."""
        if pack.row is not None:
            inputs: dict[str, Any] = {"position_ids": pack.position_ids, "tree": pack.row}
        else:
            inputs = {"attention_mask": pack.attention_mask}
        return self.model.base_model(input_ids=pack.input_ids, use_cache=False, **inputs).last_hidden_state

    def rows(self, pack: Pack) -> dict[str, Any]:
        """What the model's own forward takes, for a pack of padded rows."""
        inputs = {"input_ids": pack.input_ids, "attention_mask": pack.attention_mask}
        return inputs if pack.token_type_ids is None else {**inputs, "token_type_ids": pack.token_type_ids}
